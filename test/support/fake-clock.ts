import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The clock of a process as a test sets it, also while the process runs. What it measures of durations stays true. */
export interface FakeClock {
  readonly environment: Readonly<Record<string, string>>;
  /** So many seconds before (negative) or after this machine's. */
  set(seconds: number): void;
}

/** By libfaketime; the folder keeps the file that it reads. */
export function fakeClock(folder: string): FakeClock {
  const file = join(folder, "clock");
  const set = (seconds: number): void => {
    writeFileSync(`${file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(`${file}.new`, file);
  };
  set(0);
  return {
    environment: {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    set,
  };
}

function library(): string {
  const found = readdirSync("/usr/lib")
    .map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`)
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error("libfaketime is missing: apt-get install faketime");
  return found;
}
