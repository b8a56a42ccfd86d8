import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackoutError } from "../../core/errors.js";
import { localHost } from "../../platform/local-host.js";
import { systemClock } from "../../platform/system-clock.js";
import { type Kubernetes, withKubernetes } from "./connect.js";

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
  const context = await signedInBy(kubeconfig, { exec });
  return {
    work: (requests = 1, signal = context.signal) =>
      withKubernetes({ kubeconfig }, { ...context, signal }, (api) =>
        Promise.all(Array.from({ length: requests }, () => api.text({ path: "/version" }))),
      ),
    calls: async () => (await readFile(calls, "utf8")).length,
  };
}

/** A kubeconfig of that user; what a piece of work gets beside it. */
async function signedInBy(kubeconfig: string, user: object) {
  const { port } = server.address() as AddressInfo;
  const config = {
    clusters: [{ name: "here", cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: "me", user }],
    contexts: [{ name: "here", context: { cluster: "here", user: "me" } }],
    "current-context": "here",
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return {
    ...{ name: "test", clock: systemClock, signal: new AbortController().signal },
    host: localHost({ baseDir: folder, redact: (text) => text }),
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

test("a token out of a file is read again when it was replaced, in the middle of a piece of work; missing, empty and expired are said as what they are", async () => {
  const kubeconfig = join(folder, "token.json");
  const context = await signedInBy(kubeconfig, { tokenFile: join(folder, "token") });
  const work = <T>(todo: (api: Kubernetes) => Promise<T>) => withKubernetes({ kubeconfig }, context, todo);
  const ask = (api: Kubernetes) => api.text({ path: "/version" });
  const failure = (going: Promise<unknown>) =>
    going.then(
      () => undefined,
      ({ code, message }: BackoutError) => [code, message],
    );
  /** As a kubelet does it: the link stays, and what it leads through is put in place in one step. */
  const put = async (name: string, token: string) => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "token"), `${token}\n`);
    await symlink(name, join(folder, "data.new"));
    await rename(join(folder, "data.new"), join(folder, "data"));
  };
  await symlink("data/token", join(folder, "token"));
  expect(await failure(work(ask))).toEqual(["NOT_FOUND", expect.stringContaining("/token: does not exist")]);

  await put("1", "first");
  accepted = "first";
  await work(async (api) => {
    await ask(api);
    accepted = "second";
    await put("2", "second");
    await ask(api);
    accepted = "another";
    expect(await failure(ask(api))).toEqual([
      "DENIED",
      expect.stringMatching(/does not accept the credentials of "me": they are wrong, or have expired$/),
    ]);
    await put("3", "");
    expect(await failure(ask(api))).toEqual(["DENIED", expect.stringMatching(/\/token: holds no token$/)]);
  });
});
