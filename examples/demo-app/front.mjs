// The front process: `node front.mjs ROOT`. Holds the port, starts the workers from `ROOT/current` with the settings in
// `ROOT/.env`, spreads requests over them, and does what appctl.mjs asks on the control socket. It knows nothing of
// the shop: a release is whatever has a server.mjs that listens, says on which port, and ends on SIGTERM.
import { fork } from "node:child_process";
import { mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = resolve(process.argv[2] ?? ".");
const controlSocket = join(root, "run", "control.sock");
const pidFile = join(root, "run", "worker.pid");
const workerCount = 3;
const patience = { start: 60_000, drain: 5_000, end: 3_000 };

/** The release and the settings that are meant to run; undefined while stopped. */
let generation;
/** Workers that get requests. */
let serving = [];
let turn = 0;
let ending = false;

async function readSettings() {
  const lines = (await readFile(join(root, ".env"), "utf8")).split("\n");
  const pairs = lines.map((line) => /^([A-Z_]+)=(.*)$/.exec(line)).filter((match) => match !== null);
  return Object.fromEntries(pairs.map(([, key, value]) => [key, value]));
}

/** Resolves once it listens; nothing is left where it does not. */
function startWorker(wanted) {
  const { release, settings } = wanted;
  const child = fork(join(release, "server.mjs"), { cwd: root, env: { ...process.env, ...settings } });
  const worker = { child, generation: wanted, port: 0, busy: 0 };
  worker.gone = new Promise((done) => child.once("exit", done));
  return new Promise((done, fail) => {
    const late = setTimeout(() => child.kill("SIGKILL"), patience.start);
    child.once("message", ({ port }) => {
      clearTimeout(late);
      worker.port = port;
      done(worker);
    });
    child.once("error", fail);
    child.once("exit", (code, signal) => {
      clearTimeout(late);
      fail(new Error(`${basename(release)}/server.mjs: ended with ${signal ?? code} before it listened`));
      if (serving.includes(worker)) replace(worker);
    });
  });
}

/** All or none. */
async function startWorkers() {
  const wanted = { release: await realpath(join(root, "current")), settings: await readSettings() };
  const starts = Array.from({ length: workerCount }, () => startWorker(wanted));
  const results = await Promise.allSettled(starts);
  const started = results.filter((one) => one.status === "fulfilled").map((one) => one.value);
  const failed = results.find((one) => one.status === "rejected");
  if (failed === undefined) return started;
  await Promise.all(started.map(endWorker));
  throw failed.reason;
}

/** Lets it finish what it has been given; it must have left `serving` before. */
async function endWorker(worker) {
  const limit = Date.now() + patience.drain;
  while (worker.busy > 0 && Date.now() < limit) await sleep(5);
  worker.child.kill("SIGTERM");
  const late = setTimeout(() => worker.child.kill("SIGKILL"), patience.end);
  await worker.gone;
  clearTimeout(late);
}

/** A worker that died by itself gets a successor of the same release: a half-finished deployment is not its business. */
function replace(worker) {
  serving = serving.filter((one) => one !== worker);
  queue = queue.then(async () => {
    await sleep(500);
    if (ending || generation !== worker.generation) return;
    await startWorker(worker.generation).then(
      (successor) => serving.push(successor),
      () => replace(worker),
    );
  });
}

async function switchTo(workers) {
  const before = serving;
  serving = workers;
  generation = workers[0]?.generation;
  if (workers.length === 0) await rm(pidFile, { force: true });
  else await writeFile(pidFile, `${workers[0].child.pid}\n`);
  await Promise.all(before.map(endWorker));
}

const status = () => ({
  state: generation === undefined ? "stopped" : "running",
  front: process.pid,
  port: front.address()?.port,
  workers: serving.map((worker) => ({ pid: worker.child.pid, release: basename(worker.generation.release) })),
});

const operations = {
  start: async () => generation === undefined && (await switchTo(await startWorkers())),
  stop: () => switchTo([]),
  restart: async () => switchTo(await startWorkers()),
  status: async () => undefined,
};

/** One after the other. */
let queue = Promise.resolve();
function operate(name) {
  const result = queue.then(async () => {
    if (ending && name !== "stop") throw new Error("the front process is ending");
    await operations[name]();
    return status();
  });
  queue = result.catch(() => undefined);
  return result;
}

/** Status → how many answers had it, since this process began: a counter that only grows, from zero. */
const answered = new Map([200, 201, 404, 500, 502, 503].map((code) => [code, 0]));

/** In the text format of Prometheus. */
function metrics() {
  const counts = [...answered].map(([code, count]) => `shop_requests_total{code="${code}"} ${count}`);
  const busy = serving.reduce((sum, worker) => sum + worker.busy, 0);
  return [
    "# HELP shop_requests_total Requests answered, by status.",
    "# TYPE shop_requests_total counter",
    ...counts,
    "# HELP shop_requests_open Requests being answered.",
    "# TYPE shop_requests_open gauge",
    `shop_requests_open ${busy}`,
    "# HELP shop_workers Workers that get requests.",
    "# TYPE shop_workers gauge",
    `shop_workers ${serving.length}`,
    "",
  ].join("\n");
}

function answer(response, code, body) {
  const text = JSON.stringify(body);
  response.writeHead(code, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

const control = http.createServer((request, response) => {
  const name = request.url.slice(1);
  if (!Object.hasOwn(operations, name)) return answer(response, 404, { error: `no operation "${name}"` });
  operate(name).then(
    (result) => answer(response, 200, result),
    (error) => answer(response, 500, { error: error.message }),
  );
});

const front = http.createServer((request, response) => {
  if (request.url === "/metrics") {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
    return response.end(metrics());
  }
  response.once("finish", () => {
    answered.set(response.statusCode, (answered.get(response.statusCode) ?? 0) + 1);
  });
  const worker = serving[turn++ % serving.length];
  if (worker === undefined) return answer(response, 503, { error: "stopped" });
  worker.busy += 1;
  response.once("close", () => {
    worker.busy -= 1;
  });
  const { connection: _, ...headers } = request.headers;
  const { method, url: path } = request;
  const upstream = http.request({
    host: "127.0.0.1",
    port: worker.port,
    method,
    path,
    headers,
    agent: false,
  });
  upstream.once("response", (reply) => {
    const { connection: __, ...kept } = reply.headers;
    response.writeHead(reply.statusCode, kept);
    reply.pipe(response);
  });
  upstream.once("error", () => {
    if (response.headersSent) response.destroy();
    else answer(response, 502, { error: "the worker is gone" });
  });
  request.pipe(upstream);
});

async function end() {
  if (ending) return;
  ending = true;
  front.close();
  await operate("stop");
  front.closeAllConnections();
  control.close();
  await rm(controlSocket, { force: true });
  process.exit(0);
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, end);
// Started with a channel to its parent, it ends with its parent, however that ended.
process.on("disconnect", end);

await mkdir(join(root, "run"), { recursive: true, mode: 0o700 });
await rm(controlSocket, { force: true });
await new Promise((done) => control.listen(controlSocket, done));
await new Promise((done) => front.listen(Number(process.argv[3] ?? 0), "127.0.0.1", done));
process.send?.(status());
