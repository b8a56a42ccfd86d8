import "./core/plain-schemas.js";
import { readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DriverSource, OpenServices } from "./app/services.js";
import type { LoadedPlaybook, OpenController, PlaybookChoice, Wiring } from "./app/wiring.js";
import type { DriverModule } from "./core/driver.js";
import { BackoutError, ProblemsError } from "./core/errors.js";
import type { Json } from "./core/json.js";
import { decodePlaybook } from "./core/playbook/decode-playbook.js";
import { type PlaybookSource, resolvePlaybook, usedDrivers } from "./core/playbook/parse-playbook.js";
import type { Playbook } from "./core/playbook/playbook.js";
import { quickSource } from "./core/playbook/quick-source.js";
import { playbookVersion } from "./core/playbook/schema.js";
import type { ProcessIdentity } from "./core/ports.js";
import type { Engine } from "./dbos/open-engine.js";
import { drivers as registry } from "./drivers/registry.generated.js";
import { httpClient } from "./platform/http-client.js";
import { httpServer } from "./platform/http-server.js";
import { localHost } from "./platform/local-host.js";
import { localOrphans } from "./platform/orphans.js";
import { localProcesses } from "./platform/process-identity.js";
import { redactor } from "./platform/redactor.js";
import { resolveSecrets } from "./platform/secrets.js";
import { systemClock } from "./platform/system-clock.js";
import { timeIds } from "./platform/time-ids.js";
import { userName } from "./platform/user-name.js";
import { checkpointStore } from "./storage/checkpoint-store.js";
import { journalWhenNeeded } from "./storage/journal-when-needed.js";
import { problemReports } from "./storage/problem-reports.js";
import { scratchFolders } from "./storage/scratch-folder.js";
import { signalMemory } from "./storage/signal-memory.js";
import { watchFile } from "./storage/watch-file.js";

/** The only place where ports meet their implementations. */

const driverNames = Object.keys(registry) as readonly (keyof typeof registry)[];

async function loadDriver(id: string): Promise<DriverModule | undefined> {
  return Object.hasOwn(registry, id) ? registry[id as keyof typeof registry]() : undefined;
}

interface LoadWish {
  /** The first environment stands in where none is named and none is the default. */
  readonly any?: boolean;
  /** Default: true. Whether what may be meant otherwise is told too. */
  readonly warn?: boolean;
}

/**
 * A playbook with nothing unusual is read quickly; the parser that can say what is wrong with a text is loaded where the
 * quick one gives up.
 */
async function loadPlaybook(choice: PlaybookChoice, wish: LoadWish = {}): Promise<LoadedPlaybook> {
  const file = await findPlaybook(choice.file);
  const folder = dirname(file);
  const name = choice.file ?? file;
  const bytes = await readPlaybookFile(file);
  const { text } = decodePlaybook(bytes, name);
  const quick = text === undefined ? undefined : quickSource({ text, file: name });
  if (quick?.tree["backout"] === playbookVersion) {
    return { file, folder, ...(await resolveSource(quick, folder, choice, wish)) };
  }
  const { readPlaybook } = await import("./core/playbook/read-playbook.js");
  const { source, problems } = readPlaybook({ text: bytes, file: name });
  if (source === undefined) return { file, folder, problems };
  return { file, folder, ...(await resolveSource(source, folder, choice, wish)) };
}

async function resolveSource(
  source: PlaybookSource,
  folder: string,
  choice: PlaybookChoice,
  { any = false, warn = true }: LoadWish,
) {
  const { environments } = source.tree;
  const used = usedDrivers(source);
  const modules = new Map<string, DriverModule>();
  for (const id of new Set([...used.targets, ...used.signals, ...used.checks])) {
    const module = await loadDriver(id);
    if (module !== undefined) modules.set(id, module);
  }
  return resolvePlaybook(source, {
    warn,
    environment: choice.environment ?? (any ? Object.keys(environments ?? {})[0] : undefined),
    drivers: modules,
    knownDrivers: driverNames,
    resolvePath: (path: string) => resolve(folder, path),
  });
}

async function findPlaybook(given: string | undefined): Promise<string> {
  if (given !== undefined) return resolve(given);
  let folder = process.cwd();
  for (;;) {
    const file = join(folder, "backout.yaml");
    if (await stat(file).catch(() => undefined)) return file;
    const above = dirname(folder);
    if (above === folder) break;
    folder = above;
  }
  throw new BackoutError("NOT_FOUND", "there is no backout.yaml in this folder or above it", {
    effect: "none",
    hint: "backout init, or name one with --file",
  });
}

async function readPlaybookFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const fact = { ENOENT: "there is no such file", EISDIR: "it is a folder", EACCES: "it may not be read" }[
      code ?? ""
    ];
    throw new BackoutError(code === "EACCES" ? "DENIED" : "NOT_FOUND", `${file}: ${fact ?? String(error)}`, {
      effect: "none",
      hint: "name the playbook with --file; backout init writes one",
    });
  }
}

/** Everything a command needs. Throws PLAYBOOK_INVALID with every problem of the playbook. */
async function openServices(choice: PlaybookChoice, loaded?: LoadedPlaybook): Promise<OpenServices> {
  const { file, folder, playbook, problems } = loaded ?? (await loadPlaybook(choice, { warn: false }));
  if (playbook === undefined)
    throw new ProblemsError("PLAYBOOK_INVALID", `${file}: the playbook is not valid`, problems);
  const secrets = redactor();
  const host = localHost({ baseDir: folder, redact: (text) => secrets.redact(text) });
  const sources = {
    env: process.env,
    readFile: async (path: string) => readFile(host.files.resolve(path), "utf8"),
    onSecret: (secret: string) => secrets.add(secret),
  };
  const state = resolve(folder, playbook.state);
  const ids = timeIds(systemClock);
  const resolveAt = (value: Json, at: string) => resolveSecrets(value, { ...sources, at });
  const { encryption } = playbook;
  const runs = await openRuns(playbook, state, resolveAt);
  return {
    playbook,
    folder,
    file,
    drivers: driverSource,
    host,
    http: httpClient(),
    clock: systemClock,
    ids,
    ...runs,
    memory: (signal) => signalMemory(state, playbook.environment, signal),
    server: httpServer,
    processes: localProcesses,
    orphans: localOrphans,
    checkpoints: checkpointStore({
      folder: state,
      clock: systemClock,
      ids,
      processes: localProcesses,
      encryption: encryption && {
        recipients: encryption.recipients,
        identity: async () => {
          const identity = await resolveAt(encryption.identity ?? "", "encryption.identity");
          return typeof identity === "string" ? identity : "";
        },
      },
    }),
    watchStore: watchFile(state, playbook.environment),
    actor: `${userName()}@${hostname()}`,
    owner: thisProcess(),
    redact: (text) => secrets.redact(text),
    resolve: resolveAt,
    scratch: scratchFolders({ state, clock: systemClock, processes: localProcesses }),
  };
}

const thisProcess = (): ProcessIdentity =>
  localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: hostname() };

type Resolve = (value: Json, at: string) => Promise<Json>;

/** Where the runs are, and what people reported: in the state folder, or with the engine that the playbook names. */
async function openRuns(
  { engine: reference, system }: Playbook,
  state: string,
  resolveAt: Resolve,
): Promise<Pick<OpenServices, "journal" | "queue" | "reports" | "close">> {
  if (reference === undefined) {
    const journal = await journalWhenNeeded(state);
    return { journal, reports: problemReports(state), close: () => journal.close() };
  }
  const { journal, queue, reports, close } = await sharedEngine(await engineUrl(reference, resolveAt));
  return { journal, queue, reports: reports(system), close };
}

async function engineUrl(reference: string, resolveAt: Resolve): Promise<string> {
  const url = await resolveAt(reference, "engine");
  if (typeof url === "string" && /^postgres(ql)?:\/\/./.test(url) && URL.canParse(url)) return url;
  throw new BackoutError(
    "PLAYBOOK_INVALID",
    `engine: "${reference}" is not the URL of a PostgreSQL database`,
    {
      effect: "none",
      hint: "postgres://user:password@host:5432/database",
    },
  );
}

const engines = new Map<string, { readonly opened: Promise<Engine>; users: number }>();
/** Commands wait for an engine that goes away for a while; a controller waits for as long as it takes. */
const clientPatienceMs = 60_000;

/** One connection to an engine for all that a process does with it. */
async function sharedEngine(url: string, patienceMs = clientPatienceMs): Promise<Engine> {
  const known = engines.get(url);
  if (known !== undefined) known.users++;
  const engine = known ?? { opened: openEngineAt(url, patienceMs), users: 1 };
  engines.set(url, engine);
  const close = async (): Promise<void> => {
    if (--engine.users > 0) return;
    engines.delete(url);
    await (await engine.opened).close();
  };
  try {
    return { ...(await engine.opened), close };
  } catch (error) {
    engines.delete(url);
    throw error;
  }
}

async function openEngineAt(url: string, patienceMs: number): Promise<Engine> {
  const { openEngine } = await import("./dbos/open-engine.js");
  return openEngine({ url, owner: thisProcess(), patienceMs, connections: 8 });
}

/** For all environments: the engine belongs to the system. */
async function openController(choice: PlaybookChoice): Promise<OpenController> {
  const { file, playbook, problems } = await loadPlaybook(choice, { any: true, warn: false });
  if (playbook === undefined)
    throw new ProblemsError("PLAYBOOK_INVALID", `${file}: the playbook is not valid`, problems);
  if (playbook.engine === undefined) {
    throw new BackoutError(
      "REFUSED",
      `${file}: it names no engine; runs are executed by the commands themselves`,
      {
        effect: "none",
        hint: "engine: postgres://… in the playbook; see docs/engines.md",
      },
    );
  }
  const secrets = {
    env: process.env,
    readFile: (path: string) => readFile(resolve(dirname(file), path), "utf8"),
  };
  const url = await engineUrl(playbook.engine, (value, at) => resolveSecrets(value, { ...secrets, at }));
  const { server, close } = await sharedEngine(url, Number.POSITIVE_INFINITY);
  return { system: playbook.system, file, server, close };
}

const driverSource: DriverSource = {
  target: async (id) => member(await loadDriver(id), id, "target"),
  signal: async (id) => member(await loadDriver(id), id, "signal"),
  check: async (id) => member(await loadDriver(id), id, "check"),
};

function member<Kind extends "target" | "signal" | "check">(
  module: DriverModule | undefined,
  id: string,
  kind: Kind,
): NonNullable<DriverModule[Kind]> {
  const driver = module?.[kind];
  if (driver !== undefined) return driver;
  const fact = module === undefined ? "there is no such driver" : `it is no driver for a ${kind}`;
  throw new BackoutError("NOT_FOUND", `${id}: ${fact}`, {
    effect: "none",
    hint: `drivers: ${driverNames.join(", ")}`,
  });
}

export const wiring: Wiring = {
  driverNames,
  loadDriver,
  loadPlaybook: (choice) => loadPlaybook(choice),
  openServices,
  openController,
  folderContext(folder, name, signal) {
    const host = localHost({ baseDir: folder, redact: (text) => text });
    const ignore = (): void => {};
    return { name, host, http: httpClient(), clock: systemClock, signal, progress: ignore, log: ignore };
  },
  async keyPair(given) {
    const { generateIdentity, identityToRecipient } = await import("age-encryption");
    const identity = given ?? (await generateIdentity());
    return { identity, recipient: await identityToRecipient(identity) };
  },
};
