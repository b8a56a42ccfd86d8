import type { DecisionMode, ResponseClass } from "../playbook/decision-node.js";
import type { Playbook } from "../playbook/playbook.js";
import type { TriggerStatus } from "../signal/trigger-state.js";
import type { Verdict } from "../signal/verdict.js";
import { cheapestWay } from "./cheapest-way.js";
import type { Rules } from "./decision-tree.js";
import { type Guards, type Held, heldBy } from "./guards.js";
import { type Known, type OpenQuestion, type PathStep, type Way, walkTree } from "./walk-tree.js";

export interface Recommendation {
  readonly scenario: string;
  readonly mode: DecisionMode;
  /** What the playbook asked for, before the guards. */
  readonly asked: DecisionMode;
  /** The playbook's own words, or the condition. */
  readonly why: string;
  /** Why this scenario of several. */
  readonly because?: string;
  /** Where it stands: `decisions[1].then`. */
  readonly at: string;
  /** What stands against it starting by itself: then `auto` has become `approve`. */
  readonly held: readonly Held[];
  /** The statuses of the triggers that led here; where the verdict did, its evidence. */
  readonly evidence: readonly TriggerStatus[];
  /** How long it may take, counted from the first bad sample. */
  readonly rto?: { readonly class: ResponseClass; readonly ms: number };
}

/** What is to be done. Only `path`: no rule holds. */
export interface Decision {
  readonly verdict: Verdict;
  readonly path: readonly PathStep[];
  readonly recommendation?: Recommendation;
  /** What to do instead of a rollback. */
  readonly say?: { readonly text: string; readonly why: string };
  /** What a person has to say first. */
  readonly question?: OpenQuestion;
}

export interface DecisionInput extends Known {
  readonly rules: Rules & Pick<Playbook, "classes">;
  readonly guards: Guards;
  readonly now: number;
}

/** From what is known to scenario, mode and why. Pure: the same input makes the same decision. */
export function decide({ rules, guards, now, ...known }: DecisionInput): Decision {
  const way = walkTree(rules, known);
  const { path, verdict, leaf, question } = way;
  const found = { path, verdict };
  if (leaf === undefined) return question === undefined ? found : { ...found, question };
  const { node, at } = leaf;
  const why = node.why ?? way.held.at(-1)?.text ?? path.at(-1)?.text ?? "always";
  if (node.scenario === undefined || node.mode === undefined) {
    return node.say === undefined ? found : { ...found, say: { text: node.say, why } };
  }
  const names = typeof node.scenario === "string" ? [node.scenario] : node.scenario;
  const { scenario, because } = cheapestWay(rules, names, guards, now);
  const evidence = evidenceOf(way);
  const held = node.mode === "advise" ? [] : heldBy(guards, scenario, evidence, failing(rules), now);
  const ms = node.class === undefined ? undefined : rules.classes?.[node.class];
  return {
    ...found,
    recommendation: {
      scenario,
      mode: node.mode === "auto" && held.length > 0 ? "approve" : node.mode,
      asked: node.mode,
      why,
      ...(because === undefined ? {} : { because }),
      at,
      held,
      evidence,
      ...(node.class === undefined || ms === undefined ? {} : { rto: { class: node.class, ms } }),
    },
  };
}

const failing = ({ triggers }: Rules): Set<string> =>
  new Set(Object.entries(triggers).flatMap(([name, { no_data }]) => (no_data === "fail" ? [name] : [])));

function evidenceOf({ held, verdict, statuses }: Way): TriggerStatus[] {
  const used = new Set(held.flatMap(({ variables }) => variables));
  const evidence = new Set(statuses.filter(({ trigger }) => used.has(trigger)));
  if (used.has("verdict")) for (const status of verdict.evidence) evidence.add(status);
  return [...evidence];
}
