import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { BackoutError } from "../core/errors.js";
import type { Sample } from "../core/signal/sample.js";
import type { SourceHealth } from "../core/signal/source-health.js";
import { httpClient } from "../platform/http-client.js";
import { systemClock } from "../platform/system-clock.js";
import { readSignals, type SignalSource } from "./read-signals.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that misbehaves as told, and counts how often it was asked. */
async function misbehaving(first: RequestListener) {
  let listener = first;
  let asked = 0;
  const server = createServer({ keepAliveTimeout: 1 }, (request, response) => {
    asked++;
    listener(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked: () => asked,
    become: (next: RequestListener) => {
      listener = next;
    },
  };
}

const says =
  (text: string): RequestListener =>
  (_, response) =>
    void response.end(text);
const silent: RequestListener = () => undefined;
const broken: RequestListener = (request) => void request.socket.destroy();

const overHttp = (name: string, url: string, more: Partial<SignalSource> = {}): SignalSource => ({
  name,
  every: 20,
  timeout: 15_000,
  read: async (signal) => {
    const { status, body } = await httpClient().request({ url, timeoutMs: 20_000, signal });
    if (status !== 200) throw new BackoutError("UNREACHABLE", `answered ${status}`);
    const found = /^-?[\d.]+$/.test(body) ? Number(body) : Number.NaN;
    return { value: body === "Infinity" ? Number.POSITIVE_INFINITY : found };
  },
  ...more,
});

/** Reads until `enough` of the samples is true, for at most 20 s. */
async function readUntil(
  sources: readonly SignalSource[],
  enough: (samples: readonly Sample[]) => boolean,
): Promise<{ samples: Sample[]; health: SourceHealth[] }> {
  const samples: Sample[] = [];
  const health: SourceHealth[] = [];
  const stop = new AbortController();
  const over = setTimeout(() => stop.abort(), 20_000);
  await readSignals(
    sources,
    systemClock,
    (sample) => {
      samples.push(sample);
      if (enough(samples)) stop.abort();
    },
    stop.signal,
    (one) => health.push(one),
  );
  clearTimeout(over);
  expect(enough(samples)).toBe(true);
  return { samples, health };
}

const atLeast = (count: number) => (samples: readonly Sample[]) => samples.length >= count;
const errorsOf = (samples: readonly Sample[]) => samples.map(({ error }) => error ?? "");

describe("sources that misbehave, over a real server", () => {
  test("a good one is a value with its time, and ok", async () => {
    const server = await misbehaving(says("17"));
    const { samples, health } = await readUntil([overHttp("depth", server.url)], atLeast(3));
    expect(samples.map(({ value }) => value)).toEqual([17, 17, 17]);
    expect(health.at(-1)).toMatchObject({ source: "depth", state: "ok", failures: 0 });
  });

  test("H65 one that is down fails with the reason, and is asked less often while every interval says so", async () => {
    const server = await misbehaving(broken);
    const { samples, health } = await readUntil([overHttp("depth", server.url)], atLeast(40));
    expect(samples.every(({ value }) => value === undefined)).toBe(true);
    expect(samples[0]?.error).toContain("closed before the answer was complete");
    expect(samples.at(-1)?.error).toContain("closed before the answer was complete");
    const leftAlone = errorsOf(samples).filter((text) => text.includes("left alone"));
    expect(leftAlone.length).toBeGreaterThan(5);
    expect(server.asked()).toBe(samples.length - leftAlone.length);
    expect(health.at(-1)).toMatchObject({ state: "failing" });
    expect(health.at(-1)?.nextAt).toBeGreaterThan(0);
  });

  test("one that comes back is asked in time, and is a value again", async () => {
    const server = await misbehaving(broken);
    const { samples, health } = await readUntil([overHttp("depth", server.url)], (all) => {
      if (all.length === 12) server.become(says("3"));
      return all.at(-1)?.value === 3;
    });
    expect(samples.length).toBeLessThanOrEqual(12 + 9);
    expect(health.at(-1)).toMatchObject({ failures: 0 });
    expect(health.at(-1)?.nextAt).toBeUndefined();
  });

  test("one without an answer is no data after its time-out", async () => {
    const server = await misbehaving(silent);
    const { samples, health } = await readUntil(
      [overHttp("stuck", server.url, { timeout: 100 })],
      atLeast(2),
    );
    expect(errorsOf(samples)[0]).toBe("no answer within 100 ms");
    expect(health.at(-1)?.state).toBe("failing");
  });

  test("a slow one delays no other", async () => {
    const server = await misbehaving(silent);
    const other = await misbehaving(says("1"));
    const { samples } = await readUntil(
      [overHttp("stuck", server.url), overHttp("quick", other.url)],
      atLeast(5),
    );
    expect(samples.map(({ signal, value }) => `${signal} ${value}`)).toEqual(
      Array.from({ length: 5 }, () => "quick 1"),
    );
  });

  test("one that takes more than half of its time-out is slow", async () => {
    const server = await misbehaving((_, response) => void setTimeout(() => response.end("5"), 2_500));
    const source = overHttp("depth", server.url, { timeout: 4_500 });
    const { health } = await readUntil([source], (all) => all.some(({ value }) => value === 5));
    expect(health.some(({ state }) => state === "slow")).toBe(true);
  });

  test("a flapping one is flapping", async () => {
    let turn = 0;
    const server = await misbehaving((request, response) => {
      turn++;
      if (turn % 2 === 0) broken(request, response);
      else response.end("1");
    });
    const { health } = await readUntil([overHttp("depth", server.url)], atLeast(10));
    expect(health.at(-1)?.state).toBe("flapping");
    expect(health.at(-1)?.lastError?.message).toContain("closed");
  });

  test.each([
    ["<html>", {}, '"NaN" is no number'],
    ["Infinity", {}, '"Infinity" is no number'],
    ["-3", { min: 0 }, '"-3" is below 0'],
    ["1.5", { max: 1 }, '"1.5" is above 1'],
  ])("garbage %s with %j: could not measure, with the reason", async (text, bounds, reason) => {
    const server = await misbehaving(says(text));
    const { samples } = await readUntil([overHttp("depth", server.url, bounds)], atLeast(2));
    expect(errorsOf(samples)).toEqual([reason, reason]);
  });

  test("one that does not heed its time-out is not asked on top of that", async () => {
    let open = 0;
    let most = 0;
    const deaf: SignalSource = {
      name: "deaf",
      every: 10,
      timeout: 10,
      read: async () => {
        open++;
        most = Math.max(most, open);
        await systemClock.sleep(400);
        open--;
        return { value: 1 };
      },
    };
    const { samples } = await readUntil([deaf], atLeast(20));
    expect(most).toBe(1);
    expect(errorsOf(samples).join()).toContain("still waiting for a reading");
    await systemClock.sleep(450);
  });

  test("a source's own time, what was asked, and the hint go into the sample", async () => {
    const reading = { value: 2, unit: "ms", at: 1_234, asked: "up" };
    const source = { ...overHttp("p95", "http://127.0.0.1:9/"), read: async () => reading };
    const { samples } = await readUntil([source], atLeast(1));
    expect(samples[0]).toEqual({ signal: "p95", ...reading });
    const refused = await readUntil([overHttp("p95", "http://127.0.0.1:9/")], atLeast(1));
    expect(refused.samples[0]?.hint).toContain("whether the service runs");
    const noTime = { ...source, read: async () => ({ value: 1, at: Number.NaN }) };
    expect((await readUntil([noTime], atLeast(1))).samples[0]?.error).toContain('"NaN" is no time');
  });
});
