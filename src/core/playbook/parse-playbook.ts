import type { Problem } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { SignalVariables } from "../signal/compile-triggers.js";
import { checkDecisions } from "./decision-problems.js";
import { checkDrivers, type Drivers } from "./driver-problems.js";
import { type ChosenEnvironment, chooseEnvironment } from "./environment.js";
import { expandMatrix } from "./expand-matrix.js";
import { checkExpressions } from "./expression-problems.js";
import type { Playbook } from "./playbook.js";
import { warnOfPromises, warnOfSum } from "./promises.js";
import { checkReferences, defaultScenario } from "./references.js";
import { type PlaybookFile, playbookSchema } from "./schema.js";
import { addSchemaProblems } from "./schema-problems.js";
import { entriesAt, textAt } from "./tree.js";
import { putVariablesIn } from "./variables.js";
import { inOrder, type ProblemList, problemList, type Where } from "./where.js";

/** A file that is YAML and a map. Everything else about it may still be wrong. */
export interface PlaybookSource {
  readonly file: string;
  readonly tree: JsonObject;
  readonly where: Where;
  /** Found while reading; `resolvePlaybook` tells them again with its own. */
  readonly problems: readonly Problem[];
}

/** Names of the drivers that the playbook uses, as they stand there: some may not exist. */
export function usedDrivers({ tree }: PlaybookSource): Record<"targets" | "signals" | "checks", Set<string>> {
  const namesIn = (section: string) =>
    new Set(entriesAt(tree[section]).flatMap(([, entry]) => textAt(entry["driver"]) ?? []));
  return { targets: namesIn("targets"), signals: namesIn("signals"), checks: namesIn("checks") };
}

export interface ResolvedPlaybook {
  /** Absent where a problem is an error. */
  readonly playbook?: Playbook;
  readonly problems: readonly Problem[];
}

/** One system in one environment, or every reason why not. A playbook comes with warnings at most. */
export async function resolvePlaybook(
  source: PlaybookSource,
  options: Drivers & {
    readonly environment?: string | undefined;
    /** Whether what may be meant otherwise is wanted too, and not only what is wrong. */
    readonly warn?: boolean;
  },
): Promise<ResolvedPlaybook> {
  const written = problemList(source.where, source.problems);
  const chosen = chooseEnvironment(source.tree, options.environment, written);
  const { tree, list } = expandMatrix(putVariablesIn(source.tree, chosen, written), written);
  checkReferences(tree, list);
  checkDrivers(tree, options, list);
  const variables = await checkExpressions(tree, list);
  await checkDecisions(tree, list);
  const parsed = playbookSchema.safeParse(tree);
  if (!parsed.success) addSchemaProblems(playbookSchema, tree, parsed.error.issues, [], list);
  const playbook = parsed.success ? playbookOf(parsed.data, chosen) : undefined;
  if (options.warn ?? true) {
    warnOfPromises(tree, list);
    if (playbook !== undefined) {
      warnOfSum(playbook, list);
      await warnOfJudging(playbook, tree, variables, list);
    }
  }
  const problems = inOrder(list.problems);
  if (playbook === undefined || problems.some(({ severity }) => severity === "error")) return { problems };
  return { playbook, problems };
}

/** Only of what is right: a condition that is none has been told already. */
async function warnOfJudging(
  playbook: Playbook,
  tree: JsonObject,
  variables: SignalVariables | undefined,
  list: ProblemList,
): Promise<void> {
  const broken = list.problems.some(({ severity }) => severity === "error");
  if (broken || Object.keys(playbook.triggers).length === 0) return;
  const { warnOfTriggers } = await import("./trigger-warnings.js");
  const { warnOfActions } = await import("./action-warnings.js");
  const { compileTriggers } = await import("../signal/compile-triggers.js");
  const compiled = compileTriggers(playbook, variables);
  warnOfTriggers(compiled, playbook, tree, list);
  warnOfActions(compiled, playbook, list);
}

function playbookOf(file: PlaybookFile, { environment, environments }: ChosenEnvironment): Playbook {
  const { backout: _, variables: __, environments: ___, matrix: ____, scenarios, ...same } = file;
  const { classes, ...objectives } = same.objectives;
  const all = Object.keys(file.checks);
  const everything = {
    strategy: "restore",
    restore: Object.keys(file.targets),
    restart: [],
    checks: all,
  } as const;
  const named = Object.entries(scenarios).map(
    ([name, one]) => [name, { ...one, checks: one.checks ?? all }] as const,
  );
  return {
    ...same,
    objectives,
    classes,
    environment,
    environments,
    scenarios: Object.fromEntries(named.length === 0 ? [[defaultScenario, everything]] : named),
  };
}
