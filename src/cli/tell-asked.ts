import type { Asked } from "../app/ask-run.js";
import type { Session } from "./session.js";

/** Whether the word that was left has been taken note of. */
export function tellAsked(session: Session, { run, heard }: Asked, done: string): number {
  if (session.options.json) session.json({ run: run.id, plan: run.plan.digest, asked: done, heard });
  else if (heard) session.print(`run ${run.id}: ${done}`);
  else {
    session.print(`run ${run.id}: ${done}, as soon as somebody executes it; nobody does now`);
    session.note("hint: backout resume");
  }
  return 0;
}
