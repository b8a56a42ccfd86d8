import { createInterface } from "node:readline/promises";
import type { OpenQuestion } from "../core/decision/walk-tree.js";
import { BackoutError } from "../core/errors.js";
import type { Session } from "./session.js";

/** Asks on the terminal until one of the answers, or the only one that begins so, was given. Ctrl-C is no answer. */
export async function askQuestion(session: Session, { ask, answers, why }: OpenQuestion): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: session.stdout });
  const closed = new AbortController();
  reader.on("SIGINT", () => closed.abort());
  reader.on("close", () => closed.abort());
  const signal = AbortSignal.any([closed.signal, session.interrupt]);
  try {
    if (why !== undefined) session.print(`  ${why}`);
    for (;;) {
      const said = (await reader.question(`${ask} [${answers.join("/")}] `, { signal })).trim().toLowerCase();
      const meant = answers.includes(said)
        ? [said]
        : answers.filter((one) => said !== "" && one.startsWith(said));
      const [only] = meant;
      if (only !== undefined && meant.length === 1) return only;
      session.print(`  one of ${answers.join(", ")}`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    session.print("");
    throw new BackoutError("INTERRUPTED", `${ask} was not answered`, { effect: "none", cause: error });
  } finally {
    reader.close();
  }
}
