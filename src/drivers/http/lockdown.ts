import * as z from "zod";
import { about } from "../../core/about.js";
import {
  type Check,
  type DriverContext,
  defineTarget,
  type Intent,
  type Observation,
  type Outcome,
  type Settlement,
  type StepContext,
  type StepJob,
  type StepSpec,
} from "../../core/driver.js";
import { BackoutError, type Problem } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import { expectedShape } from "./expected-shape.js";
import { type Expectations, judge } from "./judge.js";
import { ask, checkRequest, type RequestOptions, requestShape, shownUrl } from "./request.js";

interface Call extends RequestOptions, Expectations {}

interface LockdownOptions {
  readonly lock: Call;
  readonly unlock: Call;
  readonly locked?: Call | undefined;
  readonly idempotent: boolean;
}

const call = z.strictObject({
  ...requestShape,
  method: requestShape.method.unwrap().default("POST"),
  ...expectedShape,
});

const options: z.ZodType<LockdownOptions> = z.strictObject({
  lock: call.describe(
    "Asked before something that the target uses is changed exclusively; the answer must be as expected",
  ),
  unlock: call.describe("Asked once every check has passed"),
  locked: z
    .strictObject({ ...requestShape, ...expectedShape })
    .optional()
    .register(...about("Only looks: an answer as expected means locked, any other answer means not locked")),
  idempotent: z
    .boolean()
    .default(false)
    .register(
      ...about("Both calls may be made again after an end that nobody saw: they set, and do not toggle"),
    ),
});

const operations = ["lock", "unlock"] as const;
type Operation = (typeof operations)[number];
type Job = StepJob<LockdownOptions, Json>;

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** As of any target that lets go of something below it; the lifting waits until every check has passed. */
function around({ unlock, idempotent }: LockdownOptions, intent: Intent): StepSpec[] {
  if (intent.restart && !intent.quiesce) {
    throw refused("a lockdown has nothing to restart", "take it out of `restart`; `uses` is enough");
  }
  if (!intent.quiesce) return [];
  const common = {
    ...{ input: {}, expectedMs: 500 },
    ...(idempotent ? { onIndeterminate: "retry" as const } : {}),
  };
  const byHand = `${unlock.method} ${shownUrl(unlock.url)}`;
  const off = `off; it stays on where a check does not pass or lifting it fails: then by hand with ${byHand}`;
  const impact = (before: string, after: string) => ({
    changes: [{ what: "lockdown", before, after }],
    interrupts: true,
  });
  return [
    { ...common, operation: "lock", title: "lock people out", phase: "quiesce", impact: impact("off", "on") },
    {
      ...{ ...common, operation: "unlock", title: "let people in again", phase: "unfence", needs: ["lock"] },
      impact: impact("on", off),
    },
  ];
}

/** `undefined` where nothing says so. No answer is none either way. */
async function isLocked({ locked }: LockdownOptions, context: DriverContext): Promise<boolean | undefined> {
  if (locked === undefined) return undefined;
  const answer = await ask(locked, context);
  if (answer.kind !== "answered") return undefined;
  return judged(locked, answer.response).every(({ result }) => result === "passed");
}

const judged = (wanted: Call, response: Parameters<typeof judge>[1]): Check[] =>
  judge(new URL(wanted.url).pathname, response, wanted);

function operationOf({ operation }: Job): Operation {
  const known = operations.find((one) => one === operation);
  if (known !== undefined) return known;
  throw new BackoutError("INTERNAL", `no operation "${operation}"`, { effect: "none" });
}

async function apply(job: Job, context: StepContext): Promise<Outcome> {
  const operation = operationOf(job);
  const wanted = operation === "lock";
  const done = wanted ? "people are locked out" : "people are let in again";
  if ((await isLocked(job.options, context)) === wanted)
    return { summary: `${done} already`, changed: false };
  const asked = job.options[operation];
  const subject = `${asked.method} ${shownUrl(asked.url)}`;
  const answer = await ask(asked, context);
  if (answer.kind !== "answered") {
    throw new BackoutError("UNREACHABLE", `${subject}: ${answer.reason}`, {
      effect: answer.kind === "down" ? "none" : "unknown",
      hint: "look whether the service runs",
    });
  }
  const bad = judged(asked, answer.response).find(({ result }) => result !== "passed");
  if (bad !== undefined) {
    throw new BackoutError(
      "COMMAND_FAILED",
      `${subject}: ${bad.name} is "${bad.actual ?? ""}", expected "${bad.expected ?? ""}"; ${bad.message ?? ""}`,
      { effect: "unknown", hint: "nothing says that it happened: look yourself, then backout retry or skip" },
    );
  }
  if ((await isLocked(job.options, context)) === !wanted) {
    throw new BackoutError(
      "CHECK_FAILED",
      `${subject}: was answered as expected, and yet nothing has changed`,
      {
        effect: "none",
        hint: "is `locked` the right question, and this the right service?",
      },
    );
  }
  return { summary: `${done}: ${subject} answered ${answer.response.status}`, changed: true };
}

async function settle(job: Job, context: StepContext): Promise<Settlement> {
  const wanted = operationOf(job) === "lock";
  const now = await isLocked(job.options, context);
  if (now === undefined) return { state: "unknown", summary: "nothing says whether people are locked out" };
  return { state: now === wanted ? "applied" : "not-applied", summary: now ? "locked" : "not locked" };
}

async function check({ lock, unlock, locked }: LockdownOptions, context: DriverContext): Promise<Problem[]> {
  const found: Problem[] = [];
  for (const request of [lock, unlock, ...(locked === undefined ? [] : [locked])]) {
    // That they change something is what they are for.
    found.push(...(await checkRequest({ ...request, method: "GET" }, context)));
  }
  return found;
}

async function observe(given: LockdownOptions, context: DriverContext): Promise<Observation<null>> {
  const now = await isLocked(given, context);
  const identity = now === undefined ? "unknown" : now ? "locked" : "open";
  return { identity, summary: identity, data: null };
}

/** A lockdown around the restore of what it `uses`: there is nothing of its own to capture. */
export const target = defineTarget<LockdownOptions, Json, null>({
  id: "http",
  title: "A lockdown by HTTP around the restore of what it uses",
  options,
  check,
  observe,
  plan({ options: given, intent }) {
    if (intent.restore) {
      throw refused("a lockdown has nothing to restore", "take it out of `restore`; `uses` is enough");
    }
    return around(given, intent);
  },
  apply,
  settle,
  undo: {
    observe: async (done, given, context) => ({ ...(await observe(given, context)), to: done.left }),
    plan: ({ options: given, intent }) => around(given, intent),
    verify: async () => [],
  },
});
