import { expect, test } from "vitest";
import type { Json } from "../core/json.js";
import { definedMemory } from "./defined-memory.js";

function place(kept?: Json) {
  const file = { kept };
  const forgotten: number[] = [];
  const memory = definedMemory(
    {
      read: () => Promise.resolve(file.kept),
      write: (value) => {
        file.kept = value;
        return Promise.resolve();
      },
    },
    "now",
    () => forgotten.push(1),
  );
  return { file, forgotten, memory };
}

test("what a signal remembers comes back under the same definition", async () => {
  const first = place();
  expect(await first.memory.read()).toBeUndefined();
  await first.memory.write({ alerts: 3 });
  const second = place(first.file.kept);
  expect(await second.memory.read()).toEqual({ alerts: 3 });
  expect(second.forgotten).toEqual([]);
});

test.each<[string, Json]>([
  ["another definition", { of: "then", value: { alerts: 3 } }],
  ["nobody knows which", { alerts: 3 }],
  ["no object", [1]],
])("%s: it is forgotten, told once, and what is heard from now on is kept", async (_, kept) => {
  const { memory, forgotten, file } = place(kept);
  expect(await memory.read()).toBeUndefined();
  expect(await memory.read()).toBeUndefined();
  expect(forgotten).toEqual([1]);
  await memory.write({ alerts: 1 });
  expect(await memory.read()).toEqual({ alerts: 1 });
  expect(file.kept).toEqual({ of: "now", value: { alerts: 1 } });
});
