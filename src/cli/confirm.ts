import { createInterface } from "node:readline/promises";
import type { Session } from "./session.js";

/** Asks once on the terminal. Anything but `y` or `yes` means no, and so does Ctrl-C. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: session.stdout });
  const closed = new AbortController();
  reader.on("SIGINT", () => closed.abort());
  reader.on("close", () => closed.abort());
  try {
    const signal = AbortSignal.any([closed.signal, session.interrupt]);
    const answer = await reader.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    session.print("");
    return false;
  } finally {
    reader.close();
  }
}
