import type { Program } from "../../clients/postgres/programs.js";
import type { StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

/** The dump as statements; where it cannot be read to its end, nothing has begun. */
export async function dumpScript(
  { path: program }: Program,
  dump: string,
  { to, only = [] }: { readonly to: string; readonly only?: readonly string[] },
  context: StepContext,
): Promise<void> {
  const argv = [program, "--no-subscriptions", ...only, `--file=${to}`, dump];
  const { exitCode, stderr } = await context.host.exec({
    argv,
    signal: context.signal,
    env: { LC_ALL: "C.UTF-8" },
  });
  if (exitCode === 0) return;
  const full = /No space left on device/.test(stderr);
  throw new BackoutError(
    full ? "STATE_FULL" : "REFUSED",
    `${dump}: the dump cannot be read: ${stderr.trim().split("\n")[0] ?? ""}`,
    {
      effect: "none",
      hint: full
        ? "make room here: the restore writes the dump out as statements"
        : "go back to another checkpoint",
    },
  );
}
