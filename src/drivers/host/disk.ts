import type { DriverContext } from "../../core/driver.js";
import { unmeasured } from "./proc-files.js";

/** Device, all, used, free. A device may have blanks in its name. */
const row = /^.*?\s+\d+\s+(\d+)\s+(-?\d+)\s+\S+\s+\//;

/** The used share as `df` has it: of what is there for users, without what is kept for root. */
export async function diskShare(
  kind: "disk" | "inodes",
  path: string,
  context: DriverContext,
): Promise<number> {
  const result = await context.host.exec({
    argv: ["df", kind === "disk" ? "-Pk" : "-Pi", "--", path],
    env: { LC_ALL: "C" },
    signal: context.signal,
  });
  if (result.exitCode !== 0) throw unmeasured(context, result.stderr.trim() || "df failed");
  const [, line = ""] = result.stdout.trim().split("\n");
  const [, used, free] = (row.exec(line) ?? []).map(Number);
  if (used === undefined || free === undefined || used + Math.max(0, free) === 0) {
    throw unmeasured(
      context,
      `the file system of "${path}" does not count its ${kind}: ${JSON.stringify(line)}`,
    );
  }
  return used / (used + Math.max(0, free));
}
