import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackoutError } from "../../core/errors.js";
import { localHost } from "../../platform/local-host.js";
import { systemClock } from "../../platform/system-clock.js";
import { withKubernetes } from "./connect.js";

let folder = "";
let server: Server;
/** The only one that is let in. */
let accepted = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "backout-plugin-"));
  server = createServer(({ headers }, response) => {
    response.statusCode = headers.authorization === `Bearer ${accepted}` ? 200 : 401;
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

/** Whose plugin gives the words of the file `tokens`, one a call, the last one from then on; `expires` as it says. */
async function user(name: string, tokens: readonly string[], expires?: number) {
  const [calls, kubeconfig] = [join(folder, `${name}.calls`), join(folder, `${name}.json`)];
  await writeFile(join(folder, `${name}.tokens`), `${tokens.join("\n")}\n`);
  await writeFile(calls, "");
  const script = `echo >> "$1.calls"; n=$(wc -l < "$1.calls"); all=$(wc -l < "$1.tokens")
    token=$(sed -n "$((n < all ? n : all))p" "$1.tokens")
    [ "$token" != broken ] || { echo session expired >&2; exit 3; }
    echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$token\\"$2}}"`;
  const until = expires === undefined ? "" : `,"expirationTimestamp":"${new Date(expires).toISOString()}"`;
  const exec = { command: "sh", args: ["-c", script, "plugin", join(folder, name), until] };
  const { port } = server.address() as AddressInfo;
  const config = {
    clusters: [{ name: "here", cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name, user: { exec } }],
    contexts: [{ name: "here", context: { cluster: "here", user: name } }],
    "current-context": "here",
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  const context = {
    ...{ name, clock: systemClock, signal: new AbortController().signal },
    host: localHost({ baseDir: folder, redact: (text) => text }),
  };
  return {
    work: (requests = 1, signal = context.signal) =>
      withKubernetes({ kubeconfig }, { ...context, signal }, (api) =>
        Promise.all(Array.from({ length: requests }, () => api.text({ path: "/version" }))),
      ),
    calls: async () => (await readFile(calls, "utf8")).length,
  };
}

const inAnHour = () => Date.now() + 3_600_000;

test("what a plugin gives is used by all pieces of work until it expires, asked for once however many want it", async () => {
  accepted = "first";
  const { work, calls } = await user("patient", ["first"], inAnHour());
  await work(8);
  await work();
  expect(await calls()).toBe(1);
  const timeless = await user("timeless", ["first"]);
  await timeless.work();
  await timeless.work();
  expect(await timeless.calls()).toBe(1);
});

test("what has expired, or is about to, is asked for again", async () => {
  accepted = "first";
  const { work, calls } = await user("short", ["first"], Date.now() + 2_000);
  await work();
  await work();
  expect(await calls()).toBe(2);
});

test("what a server does not accept any more is asked for again, once, also in the middle of a piece of work", async () => {
  accepted = "first";
  const { work, calls } = await user("revoked", ["first", "second"], inAnHour());
  await work();
  accepted = "second";
  await work();
  expect(await calls()).toBe(2);
  accepted = "none of them";
  const error = await work().then(undefined, (reason: unknown) => reason);
  expect([error instanceof BackoutError && error.code, await calls()]).toEqual(["DENIED", 3]);
});

test("a plugin that fails is asked again by the next piece of work; who gives up spoils nothing for others", async () => {
  accepted = "second";
  const { work, calls } = await user("late", ["broken", "second"], inAnHour());
  await expect(work()).rejects.toThrow(/its plugin "sh" ended with 3: session expired/);
  await expect(work(1, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
  await work();
  expect(await calls()).toBe(2);
});
