import {
  type Command,
  type CommandResult,
  type Files,
  type Host,
  type Http,
  markVariable,
  type Processes,
  type ProcessIdentity,
  stepVariable,
} from "../core/ports.js";

/** What an engine wants to know of a step's programs, and may forbid. */
export interface StepWatch {
  /** Unlike any other of the run. */
  mark(): string;
  /** A program has begun; call what it returns when it has ended. */
  onProcess(process: ProcessIdentity, mark: string): () => void;
  /** Rejects with FENCED once another process has taken over: then nothing further may begin here. */
  ensureOwner(): Promise<void>;
}

/**
 * The host as a step gets it: its programs carry marks by which they are found after a crash, and whoever has lost the
 * run begins nothing further with it.
 */
export function stepHost(
  host: Host,
  key: string,
  watch: StepWatch,
  processes: Pick<Processes, "identify">,
): Host {
  return {
    ...host,
    exec: (command) => exec(host, key, watch, processes, command),
    files: guardedFiles(host.files, watch),
  };
}

async function exec(
  host: Host,
  key: string,
  watch: StepWatch,
  processes: Pick<Processes, "identify">,
  command: Command,
): Promise<CommandResult> {
  await watch.ensureOwner();
  const mark = watch.mark();
  let ended = (): void => {};
  const onStart = (pid: number): void => {
    command.onStart?.(pid);
    const identity = processes.identify(pid);
    if (identity !== undefined) ended = watch.onProcess(identity, mark);
  };
  const env = { ...command.env, [stepVariable]: key, [markVariable]: mark };
  try {
    return await host.exec({ ...command, env, onStart });
  } finally {
    ended();
  }
}

export const stepHttp = (http: Http, watch: StepWatch): Http => ({
  request: async (request) => {
    await watch.ensureOwner();
    return http.request(request);
  },
});

function guardedFiles(files: Files, { ensureOwner }: StepWatch): Files {
  const guarded =
    <Args extends unknown[]>(work: (...args: Args) => Promise<void>) =>
    async (...args: Args): Promise<void> => {
      await ensureOwner();
      return work(...args);
    };
  return {
    resolve: (path) => files.resolve(path),
    stat: (path) => files.stat(path),
    read: (path) => files.read(path),
    readPart: (path, from, length) => files.readPart(path, from, length),
    list: (path) => files.list(path),
    readLink: (path) => files.readLink(path),
    digest: (path, more) => files.digest(path, more),
    freeBytes: (path) => files.freeBytes(path),
    write: guarded((path, data, more) => files.write(path, data, more)),
    replaceLink: guarded((path, target) => files.replaceLink(path, target)),
    makeDirectory: guarded((path, mode) => files.makeDirectory(path, mode)),
    rename: guarded((from, to) => files.rename(from, to)),
    remove: guarded((path) => files.remove(path)),
  };
}
