import { readFile, stat } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DriverSource, OpenServices } from "./app/services.js";
import type { LoadedPlaybook, PlaybookChoice, Wiring } from "./app/wiring.js";
import type { DriverModule } from "./core/driver.js";
import { BackoutError, ProblemsError } from "./core/errors.js";
import type { Json } from "./core/json.js";
import { readPlaybook, resolvePlaybook, usedDrivers } from "./core/playbook/parse-playbook.js";
import { drivers as registry } from "./drivers/registry.generated.js";
import { httpClient } from "./platform/http-client.js";
import { localHost } from "./platform/local-host.js";
import { localProcesses } from "./platform/process-identity.js";
import { redactor } from "./platform/redactor.js";
import { resolveSecrets } from "./platform/secrets.js";
import { systemClock } from "./platform/system-clock.js";
import { timeIds } from "./platform/time-ids.js";
import { checkpointStore } from "./storage/checkpoint-store.js";
import { openJournal } from "./storage/journal.js";
import { scratchFolder } from "./storage/scratch-folder.js";

/** The only place where ports meet their implementations. */

const driverNames = Object.keys(registry) as readonly (keyof typeof registry)[];

async function loadDriver(id: string): Promise<DriverModule | undefined> {
  return Object.hasOwn(registry, id) ? registry[id as keyof typeof registry]() : undefined;
}

async function loadPlaybook(choice: PlaybookChoice): Promise<LoadedPlaybook> {
  const file = await findPlaybook(choice.file);
  const folder = dirname(file);
  const read = readPlaybook({ text: await readPlaybookFile(file), file: choice.file ?? file });
  if (read.source === undefined) return { file, folder, problems: read.problems };
  const used = usedDrivers(read.source);
  const modules = new Map<string, DriverModule>();
  for (const id of new Set([...used.targets, ...used.signals, ...used.checks])) {
    const module = await loadDriver(id);
    if (module !== undefined) modules.set(id, module);
  }
  const resolved = await resolvePlaybook(read.source, {
    environment: choice.environment,
    drivers: modules,
    knownDrivers: driverNames,
    resolvePath: (path: string) => resolve(folder, path),
  });
  return { file, folder, ...resolved };
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
async function openServices(choice: PlaybookChoice): Promise<OpenServices> {
  const { file, folder, playbook, problems } = await loadPlaybook(choice);
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
  const journal = await openJournal(state);
  const resolveAt = (value: Json, at: string) => resolveSecrets(value, { ...sources, at });
  const { encryption } = playbook;
  return {
    playbook,
    folder,
    file,
    warnings: problems,
    drivers: driverSource,
    host,
    http: httpClient(),
    clock: systemClock,
    ids,
    journal,
    processes: localProcesses,
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
    actor: `${userInfo().username}@${hostname()}`,
    owner: localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: hostname() },
    redact: (text) => secrets.redact(text),
    resolve: resolveAt,
    scratch: (name) => scratchFolder(state, name),
    close: () => journal.close(),
  };
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
  loadPlaybook,
  openServices,
  folderContext(folder, name, signal) {
    const host = localHost({ baseDir: folder, redact: (text) => text });
    const ignore = (): void => {};
    return { name, host, http: httpClient(), clock: systemClock, signal, progress: ignore, log: ignore };
  },
  async generateKey() {
    const { generateIdentity, identityToRecipient } = await import("age-encryption");
    const identity = await generateIdentity();
    return { identity, recipient: await identityToRecipient(identity) };
  },
};
