import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openJournal } from "../../src/storage/journal.js";
import { type Figure, figure } from "../figure.js";
import { backout } from "../program.js";
import { inFolder } from "../run-plan.js";
import { inTurn } from "../timed.js";

/** How often the source is asked, as a scrape would. */
const everyMs = 1_000;

const playbook = (port: number): string => `backout: 1
system: bench
targets:
  code: { driver: release-dir, with: { releases: releases, current: current } }
scenarios:
  code: { restore: [code] }
checks:
  there: { driver: http, with: { url: "http://127.0.0.1:${port}/check" } }
signals:
  failing:
    driver: http
    with: { url: "http://127.0.0.1:${port}/signal", value: failure-ratio, probes: 1 }
    every: ${everyMs}ms
    timeout: 1s
triggers:
  errors: { when: failing > 0.5, level: RED }
decisions:
  - { when: errors, scenario: code, mode: auto }
`;

interface Source {
  readonly port: number;
  /** From now on the signal is bad; when the first such answer went out. */
  bad(): Promise<number>;
  good(): void;
  close(): void;
}

async function source(): Promise<Source> {
  let status = 200;
  let answered: (at: number) => void = () => {};
  const server: Server = createServer((request, response) => {
    const code = request.url === "/signal" ? status : 200;
    response.writeHead(code).end(() => {
      if (code !== 200) answered(Date.now());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    bad: () =>
      new Promise((resolve) => {
        answered = resolve;
        status = 500;
      }),
    good: () => {
      status = 200;
    },
    close: () => server.close(),
  };
}

function link(folder: string, release: string): void {
  const next = join(folder, "next");
  rmSync(next, { force: true });
  symlinkSync(join("releases", release), next);
  renameSync(next, join(folder, "current"));
}

const script = `
const { renameSync, symlinkSync } = require("node:fs");
const look = async () => {
  const { ok } = await fetch(process.argv[1]);
  if (ok) return setTimeout(look, ${everyMs});
  symlinkSync("releases/v1", "script");
  renameSync("script", "current");
  console.log(Date.now());
};
console.log("looking");
look();
`;

/** From the bad answer of the source to the first step of the rollback, and to the link that a script of ten lines moves. */
export const reaction = (): Promise<Figure[]> =>
  inFolder(async (folder) => {
    const asked = await source();
    try {
      for (const release of ["v1", "v2"]) {
        mkdirSync(join(folder, "releases", release), { recursive: true });
        writeFileSync(join(folder, "releases", release, "release.txt"), release);
      }
      link(folder, "v1");
      writeFileSync(join(folder, "backout.yaml"), playbook(asked.port));
      run(folder, "checkpoint");
      const rounds = await inTurn(5, async () => ({
        backout: await watched(folder, asked),
        script: await scripted(folder, asked),
      }));
      return [
        figure({
          area: "judging",
          figure: "bad sample to the first step",
          unit: "ms",
          values: rounds.map((round) => round.backout),
          most: 200,
          against: `asked every ${everyMs} ms; from the source's answer to step.started on disk, in a watch of its own process`,
        }),
        figure({
          area: "judging",
          figure: "the same by a script",
          unit: "ms",
          values: rounds.map((round) => round.script),
          against: "ten lines of Node that move a link and keep nothing",
        }),
      ];
    } finally {
      asked.close();
    }
  });

function run(cwd: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [backout, ...args], {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`backout ${args.join(" ")}: exit ${status}: ${stdout}${stderr}`);
}

async function watched(folder: string, asked: Source): Promise<number> {
  // What an earlier round left would hold this one, or be remembered by it: cool-down, known-bad versions, what fires.
  for (const name of ["journal.db", "journal.db-wal", "journal.db-shm", "watch-default.json"])
    rmSync(join(folder, ".backout", name), { force: true });
  link(folder, "v2");
  asked.good();
  const watch = spawn(process.execPath, [backout, "watch"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(watch, "exit");
  await said(watch.stdout, "GREEN");
  watch.stdout.resume();
  const bad = await asked.bad();
  asked.good();
  await ended;
  const journal = await openJournal(join(folder, ".backout"));
  try {
    const [id = ""] = await journal.runIds("bench", "default");
    const first = (await journal.facts(id)).find(({ type }) => type === "step.started");
    if (first === undefined) throw new Error("the watch started no rollback");
    return first.at - bad;
  } finally {
    await journal.close();
  }
}

async function scripted(folder: string, asked: Source): Promise<number> {
  link(folder, "v2");
  asked.good();
  const url = `http://127.0.0.1:${asked.port}/signal`;
  const child = spawn(process.execPath, ["-e", script, url], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await said(child.stdout, "looking");
  const told = said(child.stdout, "\n");
  const bad = await asked.bad();
  return Number((await told).trim()) - bad;
}

/** Reads on until the text has come; what comes later stays in the stream. */
function said(stream: NodeJS.ReadableStream, text: string): Promise<string> {
  return new Promise((done, fail) => {
    let all = "";
    const hear = (part: Buffer): void => {
      all += part.toString();
      if (!all.includes(text)) return;
      stream.off("data", hear);
      done(all);
    };
    stream.on("data", hear);
    stream.once("end", () => fail(new Error(`it ended without "${text}": ${all}`)));
  });
}
