import { AsyncLocalStorage } from "node:async_hooks";
import { writeSync } from "node:fs";
import type { TargetDriver } from "../../../src/core/driver.js";
import type { Host, Http } from "../../../src/core/ports.js";
import type { RunJournal } from "../../../src/core/run/run-journal.js";

/**
 * The moments at which this process may die: after every journal write, and on both sides of every effect. Each is
 * told on standard output when it comes; at the one named by CRASH_AT the process kills itself.
 */
const last = process.env["CRASH_AT"];

export function pass(moment: string): void {
  writeSync(1, `${moment}\n`);
  if (moment === last) process.kill(process.pid, "SIGKILL");
}

/** The step whose `apply` is at work, with how often it has called each of the host's functions. */
const applying = new AsyncLocalStorage<{ readonly step: string; readonly calls: Map<string, number> }>();

async function aroundEffect<Result>(name: string, effect: () => Promise<Result>): Promise<Result> {
  const at = applying.getStore();
  if (at === undefined) return effect();
  const count = (at.calls.get(name) ?? 0) + 1;
  at.calls.set(name, count);
  const moment = `${at.step}: ${name} ${count}`;
  pass(`before ${moment}`);
  const result = await effect();
  pass(`after ${moment}`);
  return result;
}

export const mortalDriver = (driver: TargetDriver): TargetDriver => ({
  ...driver,
  apply: (job, context) =>
    applying.run({ step: `${context.name}.${job.operation}`, calls: new Map() }, () =>
      aroundEffect("apply", () => driver.apply(job, context)),
    ),
});

export function mortalHost(host: Host): Host {
  const { files } = host;
  return {
    ...host,
    exec: (command) => aroundEffect("exec", () => host.exec(command)),
    files: {
      ...files,
      write: (...given) => aroundEffect("write", () => files.write(...given)),
      replaceLink: (...given) => aroundEffect("replaceLink", () => files.replaceLink(...given)),
      makeDirectory: (...given) => aroundEffect("makeDirectory", () => files.makeDirectory(...given)),
      rename: (...given) => aroundEffect("rename", () => files.rename(...given)),
      remove: (...given) => aroundEffect("remove", () => files.remove(...given)),
    },
  };
}

export const mortalHttp = (http: Http): Http => ({
  request: (request) => aroundEffect("request", () => http.request(request)),
});

/** Everything else of the journal only reads. */
export function mortalJournal(journal: RunJournal): RunJournal {
  const wrote = async <Result>(what: () => string, write: Promise<Result>): Promise<Result> => {
    const result = await write;
    pass(`wrote ${what()}`);
    return result;
  };
  const mortal: Partial<RunJournal> = {
    createRun: (run, first) => wrote(() => "the run", journal.createRun(run, first)),
    acquire: (want, mayTake) => wrote(() => "the lease", journal.acquire(want, mayTake)),
    release: (lease) => wrote(() => "the lease's end", journal.release(lease)),
    append: async (run, facts, ...more) => {
      await journal.append(run, facts, ...more);
      for (const fact of facts) pass(`wrote ${fact.type}${"step" in fact ? ` ${fact.step}` : ""}`);
    },
  };
  return new Proxy(journal, {
    get: (target, name) => {
      const own: unknown = Reflect.get(mortal, name);
      const member: unknown = own ?? Reflect.get(target, name, target);
      return typeof member === "function" && own === undefined ? member.bind(target) : member;
    },
  });
}
