import { describe, expect, test } from "vitest";
import { BackoutError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { TriggerState } from "../core/signal/trigger-state.js";
import { triggerStateText } from "../core/signal/trigger-state-text.js";
import { watchMemory } from "./watch-memory.js";

const stateAt = (judged: number, since = judged): TriggerState => ({
  begun: 0,
  judged,
  latest: {},
  triggers: { errors: { phase: "pending", since } },
});

function place(text?: string) {
  const at = { now: 10_000_000, monotonic: 0 };
  const clock: Clock = {
    now: () => at.now,
    monotonic: () => at.monotonic,
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
  };
  const said: string[] = [];
  const file = { text, failing: undefined as BackoutError | undefined, writes: 0 };
  const store = {
    path: "state/watch.json",
    read: () => Promise.resolve(file.text),
    write: (next: string) => {
      if (file.failing !== undefined) return Promise.reject(file.failing);
      file.text = next;
      file.writes++;
      return Promise.resolve();
    },
  };
  return { at, said, file, memory: watchMemory(store, clock, (line) => said.push(line)) };
}

describe("what a watch remembers", () => {
  test("comes back as it was saved", async () => {
    const { memory, file, said } = place();
    expect(await memory.load()).toBeUndefined();
    memory.save(stateAt(9_999_000));
    await memory.done();
    expect(await place(file.text).memory.load()).toEqual(stateAt(9_999_000));
    expect(said).toEqual([]);
  });

  test.each<[string, string, string]>([
    ["cut", triggerStateText(stateAt(9_999_000)).slice(0, 40), "is not JSON"],
    ["not of a watch", "{}", "is not what a watch remembers"],
    ["newer", triggerStateText(stateAt(9_999_000)).replace('"version":1', '"version":2'), "later backout"],
    ["old", triggerStateText(stateAt(6_000_000)), "more than an hour old"],
  ])("is said and not trusted where it is %s", async (_, text, fact) => {
    const { memory, said } = place(text);
    expect(await memory.load()).toBeUndefined();
    expect(said).toEqual([expect.stringContaining(fact)]);
    expect(said[0]).toContain("state/watch.json");
  });

  test("a later backout's file is left as it is", async () => {
    const text = triggerStateText(stateAt(9_999_000)).replace('"version":1', '"version":2');
    const { memory, file } = place(text);
    await memory.load();
    memory.save(stateAt(9_999_500));
    await memory.done();
    expect(file).toMatchObject({ text, writes: 0 });
  });

  test("is saved once a second, and at once where a phase has changed", async () => {
    const { memory, file, at } = place();
    const save = async (since: number): Promise<number> => {
      memory.save(stateAt(9_999_000, since));
      await memory.done();
      return file.writes;
    };
    expect(await save(1)).toBe(1);
    at.monotonic = 500;
    expect(await save(1)).toBe(1);
    expect(await save(2)).toBe(2);
    at.monotonic = 1_600;
    expect(await save(2)).toBe(3);
  });

  test("a full disk is said once, judging goes on, and so is its end", async () => {
    const { memory, file, said, at } = place();
    file.failing = new BackoutError("STATE_FULL", "state/watch.json: no space is left");
    for (const moment of [0, 2_000, 4_000]) {
      at.monotonic = moment;
      memory.save(stateAt(9_999_000));
      await memory.done();
    }
    expect(said).toEqual([
      "state/watch.json: no space is left; judging goes on, and a restart would begin anew",
    ]);
    file.failing = undefined;
    at.monotonic = 6_000;
    memory.save(stateAt(9_999_000));
    await memory.done();
    expect(said.at(-1)).toBe("state/watch.json: what the watch remembers is written again");
  });
});
