import { join } from "node:path/posix";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Job } from "./job.js";
import type { Options } from "./options.js";
import { missingIn } from "./release.js";
import { textDigest } from "./sql-script.js";

type Checkout = NonNullable<Options["checkout"]>;

const namesOf = (job: Job): readonly string[] => job.input["names"] as readonly string[];

/** The same on every attempt. Nothing is destroyed: a person removes the folder. */
const asideOf = ({ folder }: Checkout, { key }: StepContext): string =>
  join(folder, `.backout-aside-${textDigest(key).slice(7, 15)}`);

const record = "done.json";

/** Each by its exact name: the directory, or the files of that name with any ending. */
async function leave(checkout: Checkout, names: readonly string[], context: StepContext): Promise<string[]> {
  const { files } = context.host;
  const aside = asideOf(checkout, context);
  await files.makeDirectory(aside);
  if (checkout.migrations === undefined) return [];
  const from = join(checkout.folder, checkout.migrations);
  if ((await missingIn(from, names, files)).length === names.length) return [];
  const moved: string[] = [];
  for (const { name } of await files.list(from)) {
    if (!names.some((one) => name === one || name.startsWith(`${one}.`))) continue;
    await files.rename(join(from, name), join(aside, name));
    moved.push(name);
  }
  return moved;
}

async function generate(
  argv: readonly string[],
  checkout: Checkout,
  job: Job,
  context: StepContext,
): Promise<void> {
  const { exitCode, timedOut, stdout, stderr, signal } = await context.host.exec({
    argv,
    cwd: checkout.folder,
    env: job.options.env,
    timeoutMs: job.options.timeout,
    signal: context.signal,
    onLine: context.progress,
  });
  if (exitCode === 0) return;
  const said = (stderr.trim() === "" ? stdout : stderr).trim().split("\n").slice(-3).join(" | ");
  const how = timedOut ? "took too long" : `ended with ${signal ?? `exit status ${exitCode}`}`;
  throw new BackoutError(timedOut ? "TIMEOUT" : "COMMAND_FAILED", `${argv.join(" ")}: ${how}: ${said}`, {
    effect: "unknown",
    hint: `run it by hand in ${checkout.folder}; the database is back already`,
  });
}

function checkoutOf(job: Job): Checkout {
  const { checkout } = job.options;
  if (checkout !== undefined) return checkout;
  throw new BackoutError("INTERNAL", "the options name no checkout", { effect: "none" });
}

export async function leaveCheckout(job: Job, context: StepContext): Promise<Outcome> {
  const checkout = checkoutOf(job);
  const { files } = context.host;
  const done = join(asideOf(checkout, context), record);
  if ((await files.stat(done)) !== undefined) return { summary: "done already", changed: false };
  const moved = await leave(checkout, namesOf(job), context);
  if (checkout.generate !== undefined) await generate(checkout.generate, checkout, job, context);
  await files.write(done, JSON.stringify({ aside: namesOf(job), at: context.clock.now() }));
  const aside = moved.length === 0 ? "no directory was there" : `${moved.join(", ")} put aside`;
  const client = checkout.generate === undefined ? "" : "; client generated anew";
  return { summary: `${checkout.folder}: ${aside}${client}`, changed: true };
}

export async function settleLeave(job: Job, context: StepContext): Promise<Settlement> {
  const checkout = checkoutOf(job);
  const { files } = context.host;
  const aside = asideOf(checkout, context);
  if ((await files.stat(join(aside, record))) !== undefined) return { state: "applied", summary: "done" };
  const begun = (await files.stat(aside)) !== undefined;
  return begun ? { state: "partial", summary: "begun" } : { state: "not-applied", summary: "not begun" };
}
