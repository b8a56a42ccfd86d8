import { BackoutError, ProblemsError } from "../core/errors.js";
import { renderError } from "./render/render-problems.js";
import type { Session } from "./session.js";

/** Says what went wrong and returns the exit status. What nobody expected shows its stack: it is a fault of backout. */
export function reportError(session: Session, error: unknown): number {
  if (!(error instanceof BackoutError)) {
    session.note(`backout: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    session.note("hint: this is a fault in backout; please report it with the lines above");
    return 1;
  }
  if (session.options.json) {
    const { code, message, hint, exit } = error;
    const problems = error instanceof ProblemsError ? error.problems : undefined;
    session.json({ error: { code, message, hint, exit, problems } });
  } else
    session.note(
      renderError(error, {
        ...session.render(),
        colour: session.stderr.isTTY && session.render().colour,
      }),
    );
  return error.exit;
}
