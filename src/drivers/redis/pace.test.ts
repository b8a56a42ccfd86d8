import { expect, test } from "vitest";
import { paceOf } from "./pace.js";

/** A server that takes so long for a key, behind a network that takes so long for each call. */
async function sizes(
  calls: number,
  server: { readonly perKey: number; readonly wayMs: number; readonly late?: (call: number) => number },
): Promise<number[]> {
  let now = 0;
  const clock = { monotonic: () => now };
  const ping = async (): Promise<"PONG"> => {
    now += server.wayMs;
    return "PONG";
  };
  const pace = await paceOf({ ping }, { least: 50, most: 1000 }, clock);
  const asked: number[] = [];
  for (let call = 0; call < calls; call++) {
    await pace.call(async (keys) => {
      asked.push(keys);
      now += server.wayMs + server.perKey * keys + (server.late?.(call) ?? 0);
    });
  }
  return asked;
}

test("a quick server is soon asked for the most, also far away", async () => {
  for (const wayMs of [0.1, 40]) {
    const asked = await sizes(10, { perKey: 0.001, wayMs });
    expect(asked[0]).toBe(50);
    expect(asked.at(-1)).toBe(1000);
  }
});

test("a slow server is never kept for longer than the bound, once it is known", async () => {
  const asked = await sizes(200, { perKey: 0.02, wayMs: 1 });
  expect(Math.max(...asked) * 0.02).toBeLessThanOrEqual(4);
});

test("calls that wait for a processor now and then do not slow it down", async () => {
  const asked = await sizes(100, { perKey: 0.001, wayMs: 0.1, late: (call) => (call % 3 === 0 ? 30 : 0) });
  expect(asked.at(-1)).toBe(1000);
});

test("a server that becomes slow is asked for less, as far as the least", async () => {
  let perKey = 0.001;
  const server = {
    wayMs: 0.1,
    get perKey() {
      return perKey;
    },
    late: (call: number) => {
      if (call === 20) perKey = 1;
      return 0;
    },
  };
  const asked = await sizes(120, server);
  expect(asked[20]).toBe(1000);
  expect(asked.at(-1)).toBe(50);
});
