import type { Json } from "./json.js";

/**
 * What the effects at the edge offer to drivers and to the engine. Implementations live in `platform/` and
 * `storage/`; nothing in here does anything.
 */

export interface Clock {
  /** Milliseconds since the epoch, from the system's clock. */
  now(): number;
  /** Milliseconds from an arbitrary start, never stepping back: for durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Ids {
  /** A new unique id that sorts by time, for example `run-20261122-054644-x7k2`. */
  next(prefix: string): string;
}

/** One process, told apart from a later one that got the same number. Plain data, so that it can be journaled. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, comparable only for equality; empty where the system does not tell. */
  readonly started: string;
  readonly host: string;
}

export interface Processes {
  /** `undefined` where no process has this number. */
  identify(pid: number): ProcessIdentity | undefined;
  /** `undefined`: cannot be known from here, since it belongs to another machine. */
  alive(identity: ProcessIdentity): boolean | undefined;
}

/** The leader of the process group of a program that runs for a step, and the mark in its environment. */
export interface StepProcess {
  readonly process: ProcessIdentity;
  readonly mark: string;
}

/** In the environment of every program that runs for a step: `run/step`, and a mark that no other program has. */
export const stepVariable = "BACKOUT_STEP";
export const markVariable = "BACKOUT_PROCESS";

/** What a dead backout's programs are still doing. */
export interface Orphans {
  /**
   * Ends the process groups of these programs, and of those that carry the key's mark in their environment without
   * being known. What made a session of its own (a daemon that a step left on purpose) is left alone.
   */
  end(
    steps: readonly { readonly key: string; readonly known: readonly StepProcess[] }[],
  ): Promise<{ key: string; ended: ProcessIdentity[]; left: ProcessIdentity[] }[]>;
}

/** A program and its arguments: always an array, never a shell string. */
export interface Command {
  readonly argv: readonly string[];
  /** Relative paths are taken from the playbook's folder, which is the default. */
  readonly cwd?: string;
  /** Added to the environment of backout itself. `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** After it the whole process group is ended: SIGTERM, then SIGKILL 5 s later. Milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called for each line of output as it comes, redacted. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Called once the program runs, with the number of its process group. */
  readonly onStart?: (pid: number) => void;
}

export interface CommandResult {
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  /** Name of the signal that ended it, where one did. */
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  /** Redacted, otherwise as it came (final newline included); at most the last 1 MiB each. */
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface FileStat {
  readonly kind: "file" | "directory" | "link" | "other";
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileStat["kind"];
}

/** Some bytes of a file, and what the file was when they were read. */
export interface FilePart {
  readonly data: Uint8Array;
  /** Comparable only for equality: the same file, whatever its name is by now. */
  readonly file: string;
  readonly size: number;
}

/** File access on the host. Relative paths are taken from the playbook's folder. Errors are `BackoutError`s that name the path. */
export interface Files {
  resolve(path: string): string;
  /** `undefined` where there is nothing; does not follow a link in the last place. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Rejects with NOT_FOUND, DENIED. */
  read(path: string): Promise<Uint8Array>;
  /** At most `length` bytes from there on; follows links. Rejects like `read`, and with CONFLICT where it is no plain file. */
  readPart(path: string, from: number, length: number): Promise<FilePart>;
  /**
   * In one step: written beside, flushed, renamed over, directory flushed. A reader sees the old or the new file, whole.
   * An existing file's mode and owner are kept unless given.
   */
  write(
    path: string,
    data: string | Uint8Array,
    more?: { mode?: number; uid?: number; gid?: number },
  ): Promise<void>;
  list(path: string): Promise<DirectoryEntry[]>;
  readLink(path: string): Promise<string>;
  /** Points the link at `path` to `target` in one step (a new link renamed over the old); refuses to replace what is not a link. */
  replaceLink(path: string, target: string): Promise<void>;
  makeDirectory(path: string, mode?: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file, link or whole directory. Nothing there is no error. */
  remove(path: string): Promise<void>;
  /** Of a file or of a whole tree (names, modes' executable bit, link targets, contents): `sha256:<hex>`. */
  digest(path: string, more?: { except?: readonly string[] }): Promise<string>;
  /** Bytes available to this user on the file system that holds the path. */
  freeBytes(path: string): Promise<number>;
}

/** Where a target lives: this machine now, another one by ssh later. */
export interface Host {
  readonly name: string;
  /** Resolves whatever the exit status is. Rejects with TOOL_MISSING (effect none), DENIED, or the abort reason. */
  exec(command: Command): Promise<CommandResult>;
  /** A variable of the environment that programs get; nothing where it has none of this name. */
  variable(name: string): Promise<string | undefined>;
  readonly files: Files;
}

export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Default 0: a redirect is an answer like any other. */
  readonly followRedirects?: number;
  readonly signal?: AbortSignal;
  /** PEM texts: an issuer to trust in place of those of the system, a certificate to show with its key. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** At most the first 1 MiB. */
  readonly body: string;
  /** From sending to the last byte of the body, milliseconds. */
  readonly ms: number;
}

export interface Http {
  /** Resolves with any status; rejects with UNREACHABLE or TIMEOUT. */
  request(request: HttpRequest): Promise<HttpResponse>;
}

/** One file of a checkpoint, as its manifest has it. */
export interface Artifact {
  /** Unique within its target's part: `database.sqlite`. */
  readonly name: string;
  /** Path below the checkpoint's folder. */
  readonly path: string;
  /** Of the bytes as stored: `sha256:<hex>`. */
  readonly digest: string;
  /** Size as stored. */
  readonly bytes: number;
  readonly encrypted: boolean;
}

export interface ArtifactWriter {
  /** A path for a tool to write to; then `add` it. Lies on the file system of the checkpoints. */
  scratch(name: string): string;
  /** Adopts a file written to `scratch(name)`, flushes and digests it. `sensitive` ones are encrypted or refused. */
  add(name: string, more?: { sensitive?: boolean }): Promise<Artifact>;
  write(name: string, data: string | Uint8Array, more?: { sensitive?: boolean }): Promise<Artifact>;
}

export interface ArtifactReader {
  /**
   * A plain, readable file with the artifact's contents, checked against its digest first (ARTIFACT_MISSING, ARTIFACT_ALTERED);
   * decrypted into the scratch folder where it was encrypted. All of a target's are in one folder, each under its own name.
   */
  file(name: string): Promise<string>;
  read(name: string): Promise<Uint8Array>;
}

/** A call that somebody made to a server of backout's. */
export interface HttpCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whole: longer ones than 1 MiB were refused already. */
  readonly body: string;
}

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

export interface Listened {
  readonly host: string;
  readonly port: number;
  readonly onCall: (call: HttpCall) => Promise<HttpReply>;
}

export interface HttpServer {
  /** Listens until closed. Rejects with CONFLICT where it cannot. */
  listen(what: Listened): Promise<{ readonly port: number; close(): Promise<void> }>;
}

/** What one signal remembers beyond the process that reads it: one JSON value. */
export interface SignalMemory {
  read(): Promise<Json | undefined>;
  /** On the disk when it returns. */
  write(value: Json): Promise<void>;
}

/** Where a watch keeps what it remembers. */
export interface WatchStore {
  readonly path: string;
  /** `undefined` where there is nothing. */
  read(): Promise<string | undefined>;
  /** Whole or not at all. */
  write(text: string): Promise<void>;
}
