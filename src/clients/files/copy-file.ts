import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

/** Copies a file whole, however large it is. Messages name the one that is copied. */
export async function copyFile(
  from: string,
  to: string,
  { host, signal }: Pick<DriverContext, "host" | "signal">,
): Promise<void> {
  const argv = ["cp", "--", from, to];
  const { exitCode, stderr } = await host.exec({ argv, signal, env: { LC_ALL: "C.UTF-8" } });
  if (exitCode === 0) return;
  const fact = stderr.trim().split("\n")[0] ?? "";
  if (/no space left/i.test(fact)) {
    throw new BackoutError("STATE_FULL", `${from}: no space left for a copy of it, "${to}"`, {
      ...{ effect: "none", hint: "make room (`df -h` shows where), then repeat the command" },
    });
  }
  const denied = /permission denied/i.test(fact);
  throw new BackoutError(denied ? "DENIED" : "COMMAND_FAILED", `${from}: cannot be copied: ${fact}`, {
    ...{ effect: "none", hint: denied ? "run as a user who may read it" : "is somebody still writing it?" },
  });
}
