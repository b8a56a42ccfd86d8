import { spawnSync } from "node:child_process";

/** Wall time of a whole process, milliseconds. Throws where it does not end with 0. */
export function timeProcess(
  argv: readonly [string, ...string[]],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): number {
  const [program, ...args] = argv;
  const started = performance.now();
  const { status, stderr, error } = spawnSync(program, args, {
    ...options,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ms = performance.now() - started;
  if (status !== 0)
    throw new Error(`${argv.join(" ")}: ${error?.message ?? `exit ${status}: ${stderr.toString()}`}`);
  return ms;
}

/** Rounds in turn, after one that does not count: a machine that slows down slows all of them. */
export async function inTurn<Round>(rounds: number, work: () => Round | Promise<Round>): Promise<Round[]> {
  await work();
  const results: Round[] = [];
  for (let index = 0; index < rounds; index++) results.push(await work());
  return results;
}
