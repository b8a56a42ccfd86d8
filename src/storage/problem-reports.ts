import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type * as z from "zod";
import { BackoutError } from "../core/errors.js";
import {
  type ProblemReport,
  type ProblemReports,
  problemReport,
  unknownReport,
  withdrawal,
} from "../core/problem-report/problem-report.js";
import { namesIn } from "./checkpoint-lookup.js";
import { flush, onState, replaceFlushed } from "./durable-files.js";

const withdrawn = ".withdrawn.json";

/** Below the state folder: a file a report, another one where it is withdrawn. Both are written once. */
export function problemReports(state: string): ProblemReports {
  const folder = join(state, "reports");
  const known = new Map<string, unknown>();

  async function read<T>(name: string, schema: z.ZodType<T>): Promise<T> {
    const path = join(folder, name);
    const before = known.get(name);
    if (before !== undefined) return before as T;
    const text = await onState(path, "reading", () => readFile(path, "utf8"));
    try {
      const value = schema.parse(JSON.parse(text));
      known.set(name, value);
      return value;
    } catch (cause) {
      throw new BackoutError("STATE_CORRUPT", `${path}: is not a report`, {
        effect: "none",
        hint: "look at it, and move it away: until then nobody can count the reports",
        cause,
      });
    }
  }

  const write = (name: string, value: object): Promise<void> =>
    onState(join(folder, name), "writing", async () => {
      if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await flush(state);
      await replaceFlushed(join(folder, name), `${JSON.stringify(value, undefined, 1)}\n`);
    });

  async function list(): Promise<readonly ProblemReport[]> {
    const names = await onState(folder, "listing", () => namesIn(folder));
    const there = new Set(names);
    const reports = names
      .filter((name) => name.endsWith(".json") && !name.endsWith(withdrawn))
      .map(async (name): Promise<ProblemReport> => {
        const report = await read(name, problemReport);
        const word = `${report.id}${withdrawn}`;
        return there.has(word) ? { ...report, withdrawn: await read(word, withdrawal) } : report;
      });
    return (await Promise.all(reports)).toSorted((a, b) => a.at - b.at);
  }

  return {
    list,
    add: (report) => write(`${report.id}.json`, report),
    async withdraw(id, word) {
      const report = (await list()).find((one) => one.id === id);
      if (report === undefined) throw unknownReport(id);
      if (report.withdrawn === undefined) await write(`${id}${withdrawn}`, word);
      return { ...report, withdrawn: report.withdrawn ?? word };
    },
  };
}
