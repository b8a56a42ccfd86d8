import type { DecisionNode } from "../playbook/decision-node.js";
import type { TriggerStatus } from "../signal/trigger-state.js";
import { type Verdict, type VerdictLevel, verdict, verdictLevels } from "../signal/verdict.js";
import type { Condition, Truth, World } from "./condition.js";
import { type Branch, decisionTree, type Rules, yesOrNo } from "./decision-tree.js";
import { truthOf } from "./find-case.js";

/** What is known when it is decided. */
export interface Known {
  readonly statuses: readonly TriggerStatus[];
  /** Name of the change that is out. */
  readonly change?: string | undefined;
  /** What a person has said: question or trigger → answer. */
  readonly answers?: Readonly<Record<string, string>> | undefined;
  /** Somebody can be asked: also about triggers whose time is not over yet. */
  readonly asking?: boolean | undefined;
}

export interface PathStep {
  /** `decisions[1].then`. */
  readonly at: string;
  /** The condition, or the question. */
  readonly text: string;
  readonly answer: string;
  /** `unknown`: could not be judged, and was passed over since a later rule is certain. */
  readonly by: "signals" | "person" | "unknown";
}

/** What a person has to say before it can be decided. */
export interface OpenQuestion {
  /** Of the question or the trigger: for `--answer NAME=…`. */
  readonly name: string;
  readonly ask: string;
  readonly answers: readonly string[];
  /** Why no signal answers it. */
  readonly why?: string;
}

export interface Way {
  readonly path: readonly PathStep[];
  readonly verdict: Verdict;
  /** As known, and as a person said. */
  readonly statuses: readonly TriggerStatus[];
  /** Conditions that led here, in order. */
  readonly held: readonly Condition[];
  readonly leaf?: { readonly at: string; readonly node: DecisionNode };
  readonly question?: OpenQuestion;
}

/** From the first rule to an end, as far as what is known leads. Pure. */
export function walkTree(rules: Rules, known: Known): Way {
  const { statuses, answers = {}, asking = false } = known;
  const told = statuses.map((status) => (answers[status.trigger] === "yes" ? firing(status) : status));
  const open = told.filter(
    ({ state, trigger }) =>
      answers[trigger] === undefined && (state === "unknown" || (asking && state === "pending")),
  );
  const judged = verdict(told);
  const worse = asking ? open.filter(({ level }) => rank(level) < rank(judged.level)) : [];
  const world: Record<string, World[string]> = {
    verdict: [...new Set([judged.level, ...worse.map(({ level }) => level)])],
    change: [known.change ?? ""],
  };
  for (const { trigger, state } of told) world[trigger] = [state === "firing"];
  for (const { trigger } of open) world[trigger] = [true, false];

  const path: PathStep[] = [];
  const held: Condition[] = [];
  const way = (more: Partial<Way>): Way => ({ path, held, verdict: judged, statuses: told, ...more });
  const ask = (condition: Condition): Way => way({ question: aboutTrigger(condition, world, open, worse) });
  const step = (at: string, { text, variables }: Condition, truth: Truth) => {
    const said = variables.some((name) => Object.hasOwn(answers, name));
    const by = truth === undefined ? "unknown" : said ? "person" : "signals";
    path.push({ at, text, answer: truth === undefined ? "unknown" : truth ? "yes" : "no", by });
  };

  let doubtful: Condition | undefined;
  for (const { at, condition, branch } of decisionTree(rules)) {
    if (condition === undefined) {
      if (asking && doubtful !== undefined) return ask(doubtful);
      return descend(branch);
    }
    const truth = truthOf(condition, world);
    step(at, condition, truth);
    if (truth === undefined) doubtful ??= condition;
    if (truth !== true) continue;
    held.push(condition);
    return descend(branch);
  }
  // While nothing is known to be wrong, a rule that could not be judged is no reason to wake anybody.
  return doubtful !== undefined && (asking || rank(judged.level) < rank("UNKNOWN")) ? ask(doubtful) : way({});

  function descend(from: Branch): Way {
    let branch: Branch | undefined = from;
    while (branch !== undefined && branch.kind !== "end") {
      if (branch.kind === "if") {
        const truth = truthOf(branch.condition, world);
        if (truth === undefined) return ask(branch.condition);
        step(branch.at, branch.condition, truth);
        if (truth) held.push(branch.condition);
        branch = truth ? branch.then : branch.else;
        continue;
      }
      const { at, question, definition } = branch;
      const answer: string | undefined = answers[question];
      if (answer === undefined)
        return way({ question: { name: question, ask: definition.ask, answers: definition.answers } });
      path.push({ at, text: definition.ask, answer, by: "person" });
      branch = branch.answers.get(answer);
    }
    return branch === undefined ? way({}) : way({ leaf: { at: branch.at, node: branch.leaf } });
  }
}

const rank = (level: VerdictLevel): number => verdictLevels.indexOf(level);

/** What a person says needs no measurement. */
function firing({ noData, ...status }: TriggerStatus): TriggerStatus {
  return {
    ...status,
    state: "firing",
    when: noData === undefined ? status.when : `${status.when}, by a person`,
  };
}

/** The first trigger that the condition depends on; for the verdict, the worst that may still fire. */
function aboutTrigger(
  { variables }: Condition,
  world: World,
  open: readonly TriggerStatus[],
  worse: readonly TriggerStatus[],
): OpenQuestion {
  const named = variables.find((name) => name !== "verdict" && (world[name]?.length ?? 0) > 1);
  const status =
    open.find(({ trigger }) => trigger === named) ??
    worse.toSorted((a, b) => rank(a.level) - rank(b.level))[0] ??
    open[0];
  const { trigger = "verdict", when = "", for: needed = 0, noData, state } = status ?? {};
  const why = noData ?? (state === "pending" ? "it holds now, and has not yet for long enough" : undefined);
  const long = needed === 0 ? "" : `, for ${needed / 1000} s`;
  return {
    name: trigger,
    ask: `Does "${trigger}" hold (${when}${long})?`,
    answers: yesOrNo,
    ...(why === undefined ? {} : { why }),
  };
}
