import { type Check, type DriverContext, defineCheck } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { checkFile } from "./check-file.js";
import { type CheckOptions, checkOptions, matcher } from "./options.js";
import { recentLines } from "./recent-lines.js";

const excerpt = (line: string): string => (line.length > 200 ? `${line.slice(0, 199)}…` : line);

async function judge(options: CheckOptions, context: DriverContext, name: string): Promise<Check> {
  const { path, over, atMost, silent } = options;
  const minutes = `${Math.round(over / 6_000) / 10} min`;
  const expected = `at most ${atMost} in ${minutes}`;
  const { lines } = await recentLines(path, context.clock.now() - over, context);
  if (lines.length === 0 && silent === "error") {
    const message = `nothing was written to it in ${minutes}: is it still the right file? (\`silent: pass\` where only errors are)`;
    return { name, result: "error", expected, actual: "no line at all", message };
  }
  const found = lines.filter(matcher(options));
  const actual = `${found.length} of ${lines.length} lines`;
  if (found.length <= atMost) return { name, result: "passed", expected, actual };
  return { name, result: "failed", expected, actual, message: found.slice(-3).map(excerpt).join(" | ") };
}

export const check = defineCheck<CheckOptions>({
  id: "log",
  title: "No lines of a log file, or only so many, match a pattern",
  options: checkOptions,
  check: checkFile,
  run: async (options, context) => {
    const name = `${options.path}: ${options.pattern}`;
    try {
      return [await judge(options, context, name)];
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof BackoutError)) throw error;
      return [{ name, result: "error", message: error.message }];
    }
  },
});
