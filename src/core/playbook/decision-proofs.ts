import { type Condition, compileCondition } from "../decision/condition.js";
import { type Branch, branchOf, type decisionVariables } from "../decision/decision-tree.js";
import { caseText, type Demand, type Effort, type Facts, findCase } from "../decision/find-case.js";
import type { DecisionRule, QuestionDefinition } from "./playbook.js";
import { quoted } from "./suggestion.js";
import { type TiedConditions, tiedConditions } from "./tied-conditions.js";
import type { Path, ProblemList } from "./where.js";

interface Decisions extends Facts {
  readonly decisions: readonly DecisionRule[];
  readonly questions: Readonly<Record<string, QuestionDefinition>>;
  /** Whether the matrix made this rule: the order of its rows is the order meant. */
  isMade(index: number): boolean;
  /** Of all conditions. */
  readonly variables: ReturnType<typeof decisionVariables>;
}

interface Compiled {
  readonly index: number;
  readonly condition: Condition | undefined;
  readonly branch: Branch;
}

/** More than any playbook in use needs; half a second of work. */
const mostWork = 400_000;

/**
 * H77: what can be proven about decisions. An end that is never reached and a branch that is missing are errors; rules that
 * hold at once with different actions, and a RED that nothing is decided about, are warnings with an example.
 */
export function proveDecisions(given: Decisions, list: ProblemList): void {
  const { variables } = given;
  const effort: Effort = { left: mostWork };
  const rules = given.decisions.map(
    (rule, index): Compiled => ({
      index,
      condition:
        rule.when === undefined
          ? undefined
          : compileCondition(rule.when, variables, `decisions[${index}].when`),
      branch: branchOf(bodyOf(rule), "", given, variables),
    }),
  );
  const proof = { given, list, effort };
  const reached = new Set<number>();
  const before = tiedConditions<Demand>();
  let total: number | undefined;
  for (const { index, condition, branch } of rules) {
    const path = ["decisions", index];
    if (total !== undefined) {
      list.error(
        path,
        `it can never be reached: decisions[${total}] takes every case`,
        "put it before that one",
      );
      continue;
    }
    const here: Demand[] = condition === undefined ? [] : [{ condition, holds: true }];
    const linked = before.linkedTo(here);
    if (condition === undefined) total = index;
    else if (!isPossible(proof, here, [...path, "when"], linked)) continue;
    reached.add(index);
    const inner: Path =
      bodyOf(given.decisions[index] ?? {}) === given.decisions[index] ? path : [...path, "then"];
    proveBranch(proof, branch, inner, [...linked, ...here], new Map());
    if (condition !== undefined) before.add({ condition, holds: false });
  }
  warnOfConflicts(
    proof,
    rules.filter(({ index }) => reached.has(index)),
  );
  if (total === undefined) warnOfGaps(proof, before);
  if (effort.left <= 0)
    list.warn(["decisions"], "there are too many cases to prove that each is decided once", undefined, {
      part: "key",
    });
}

interface Proof {
  readonly given: Decisions;
  readonly list: ProblemList;
  readonly effort: Effort;
}

const bodyOf = (rule: DecisionRule) =>
  rule.then !== undefined && rule.if === undefined && rule.ask === undefined ? rule.then : rule;

/** False, and told, where the condition never holds, always holds, or holds only where an earlier rule does. */
function isPossible(
  { given, list, effort }: Proof,
  here: readonly Demand[],
  path: Path,
  earlier: readonly Demand[],
): boolean {
  const found = (demands: readonly Demand[]) => findCase(given, demands, effort) !== "none";
  if (!found(here)) {
    list.error(path, "the condition can never hold", "see what contradicts itself in it");
    return false;
  }
  if (!found(here.map((one) => ({ ...one, holds: false })))) {
    list.error(
      path,
      "the condition always holds",
      "a rule that always holds would roll a healthy system back",
    );
    return false;
  }
  if (found([...earlier, ...here])) return true;
  const culprit = given.decisions.findIndex(
    (rule) =>
      earlier.some(({ condition }) => condition.text === rule.when) &&
      !found([...earlier.filter(({ condition }) => condition.text === rule.when), ...here]),
  );
  const by = culprit === -1 ? "the rules before it take" : `decisions[${culprit}] takes`;
  list.error(
    path,
    `it can never be reached: ${by} every case in which it holds`,
    "put it before, or remove it",
  );
  return false;
}

function proveBranch(
  proof: Proof,
  branch: Branch,
  path: Path,
  demands: readonly Demand[],
  answered: ReadonlyMap<string, string>,
): void {
  const { given, list, effort } = proof;
  if (branch.kind === "end") return;
  if (branch.kind === "if") {
    const { condition } = branch;
    for (const [key, holds] of [
      ["then", true],
      ["else", false],
    ] as const) {
      const inner = branch[key];
      const here = [...demands, { condition, holds }];
      const found = findCase(given, here, effort);
      if (found === "none") {
        const fact = `the condition ${holds ? "never" : "always"} holds here`;
        if (inner !== undefined)
          list.error(
            [...path, key],
            `it can never be reached: ${fact}`,
            "remove it, or see what comes before",
          );
      } else if (inner === undefined && typeof found === "object") {
        list.error(
          path,
          `no branch for the case that ${caseText(found)}`,
          `add ${key}: (say: where nothing is to be done)`,
        );
      } else if (inner !== undefined) proveBranch(proof, inner, [...path, key], here, answered);
    }
    return;
  }
  const before = answered.get(branch.question);
  for (const [answer, inner] of branch.answers) {
    const at = answerPath(branch, path, answer);
    if (before !== undefined && before !== answer) {
      if (inner !== undefined)
        list.error(
          at,
          `it can never be reached: ${quoted(branch.question)} was answered ${quoted(before)} before`,
        );
    } else if (inner === undefined) {
      list.error(path, `no branch for the answer ${quoted(answer)}`, `answers: { ${answer}: … }`);
    } else proveBranch(proof, inner, at, demands, new Map([...answered, [branch.question, answer]]));
  }
}

/** `then` and `else` stand for yes and no where `answers` does not name them. */
function answerPath({ answers }: Extract<Branch, { kind: "ask" }>, path: Path, answer: string): Path {
  const inner = answers.get(answer);
  const last = inner?.at.split(".").at(-1);
  return last === "then" || last === "else" ? [...path, last] : [...path, "answers", answer];
}

const actionOf = (branch: Branch): string | undefined =>
  branch.kind === "end"
    ? `${[branch.leaf.scenario ?? branch.leaf.say].flat().join(" or ")}, ${branch.leaf.mode ?? "only said"}`
    : undefined;

/** The special case before the general one is meant; two that merely overlap are told, with an example. */
function warnOfConflicts({ given, list, effort }: Proof, rules: readonly Compiled[]): void {
  const acting = rules.flatMap(({ index, condition, branch }) => {
    const action = actionOf(branch);
    return condition === undefined || action === undefined ? [] : [{ index, condition, action }];
  });
  const before = tiedConditions<(typeof acting)[number]>();
  for (const second of acting) {
    const made = given.isMade(second.index);
    const tied = [...before.tiedTo(second.condition.variables)].sort((a, b) => a.index - b.index);
    before.add(second);
    for (const first of tied) {
      if (first.action === second.action) continue;
      if (made && given.isMade(first.index)) continue;
      const holds = { condition: first.condition, holds: true };
      const both = findCase(given, [holds, { condition: second.condition, holds: true }], effort);
      const special =
        findCase(given, [holds, { condition: second.condition, holds: false }], effort) === "none";
      if (typeof both !== "object" || special) continue;
      list.warn(
        ["decisions", second.index, "when"],
        `it holds at the same time as decisions[${first.index}] (${first.action}), with another action (${second.action}), for example when ${caseText(both)}`,
        "the first of them wins; add to one of the conditions that the other does not hold",
      );
    }
  }
}

/** A trigger of level RED that fires without any rule holding. */
function warnOfGaps({ given, list, effort }: Proof, none: TiedConditions<Demand>): void {
  for (const [name, level] of Object.entries(given.triggers)) {
    if (level !== "RED" || !none.mention(name)) continue;
    const fires = { condition: compileCondition(name, given.variables, name), holds: true };
    const found = findCase(given, [...none.linkedTo([fires]), fires], effort);
    if (typeof found !== "object") continue;
    list.warn(
      ["triggers", name],
      `it may be RED and nothing is decided, for example when ${caseText(found)}`,
      "add a rule, or one over verdict at the end",
      { part: "key" },
    );
  }
}
