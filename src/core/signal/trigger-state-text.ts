import * as z from "zod";
import { BackoutError } from "../errors.js";
import type { TriggerState } from "./trigger-state.js";

/** Of this file format. A higher one was written by a later backout and is refused. */
export const triggerStateVersion = 1;

const time = z.number();
const sample = z.looseObject({
  signal: z.string(),
  at: time,
  value: z.number().optional(),
  error: z.string().optional(),
  unit: z.string().optional(),
});
const memory = z.object({
  phase: z.enum(["inactive", "pending", "firing"]),
  since: time,
  frozen: time.optional(),
  held: z.int().nonnegative().optional(),
  began: time.optional(),
  clearing: time.optional(),
  cleared: z.int().nonnegative().optional(),
  of: z.string().optional(),
});
const state = z.object({
  begun: time,
  judged: time,
  signals: z.record(z.string(), z.string()).optional(),
  latest: z.record(z.string(), sample),
  triggers: z.record(z.string(), memory),
  history: z.record(z.string(), z.array(z.tuple([time, z.number()]))).optional(),
  settlingFrom: time.optional(),
});
const envelope = z.looseObject({ version: z.int().min(1) });

/** What judging remembers as the text of a file. */
export const triggerStateText = (content: TriggerState): string =>
  `${JSON.stringify({ version: triggerStateVersion, ...content })}\n`;

/** Throws STATE_NEWER, and STATE_CORRUPT where it is no such text. */
export function parseTriggerState(text: string, path: string): TriggerState {
  const json = parsed(text, path);
  const outer = envelope.safeParse(json);
  if (!outer.success) throw corrupt(path, `is not what a watch remembers: ${z.prettifyError(outer.error)}`);
  const { version } = outer.data;
  if (version > triggerStateVersion) {
    throw new BackoutError(
      "STATE_NEWER",
      `${path}: written by a later backout (version ${version}; this one knows ${triggerStateVersion})`,
      { effect: "none", hint: "upgrade backout on this machine: npm install --global backout@latest" },
    );
  }
  const inner = state.safeParse(json);
  if (!inner.success) throw corrupt(path, `is not what a watch remembers: ${z.prettifyError(inner.error)}`);
  return JSON.parse(JSON.stringify(inner.data)) as TriggerState;
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt(path, "is not JSON: it was cut or overwritten");
  }
}

const corrupt = (path: string, fact: string): BackoutError =>
  new BackoutError("STATE_CORRUPT", `${path}: ${fact}`, {
    effect: "none",
    hint: "remove the file: the watch then begins anew, and every trigger waits its whole time",
  });
