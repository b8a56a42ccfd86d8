import { advance } from "../core/run/project.js";
import type { RunJournal, RunRecord } from "../core/run/run-journal.js";
import { initialState, type RunState } from "../core/run/run-state.js";

/** Few enough to be forgotten before they cost anything; many enough that asking does not matter. */
const page = 1_000;

/** What has become of a run by all that its journal holds. */
export async function recordedState(
  journal: Pick<RunJournal, "facts">,
  { id, plan }: RunRecord,
): Promise<RunState> {
  const state = initialState(plan);
  for (;;) {
    const facts = await journal.facts(id, state.lastSeq, page);
    for (const fact of facts) advance(state, fact);
    if (facts.length < page) return state;
  }
}
