import { spawnSync } from "node:child_process";

const variable = "BACKOUT_BENCH_PART";

/** The part that this process was started for, if it was. */
export const ownPart = (): string | undefined => process.env[variable];

/** Measures one part in a fresh process of the same bench, which prints its numbers as JSON. */
export function inOwnProcess<Result>(area: string, part: string, folder = ""): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, [process.argv[1] ?? "", area], {
    env: { ...process.env, [variable]: part, BACKOUT_BENCH_FOLDER: folder },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${area} ${part}: exit ${status}: ${stderr}`);
  return JSON.parse(stdout) as Result;
}

export const ownFolder = (): string => process.env["BACKOUT_BENCH_FOLDER"] ?? "";
