import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { FileStat } from "../../core/ports.js";

/** Plain data of a captured environment file: names only, never a value or a digest of one. */
export type EnvFileData = {
  readonly digest: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly keys: readonly string[];
};

export interface FileState {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export const absent = "absent";

export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

type Access = Pick<FileState, "mode" | "uid" | "gid">;

export const octal = (mode: number): string => mode.toString(8).padStart(4, "0");
export const accessOf = ({ mode, uid, gid }: Access): string => `mode ${octal(mode)}, owner ${uid}:${gid}`;

/** Who may read it belongs to the identity: a file that the process cannot read is not back. */
export const identityOf = (state: Access & { readonly digest: string }): string =>
  `${state.digest}, ${accessOf(state)}`;

export const shortDigest = (digest: string): string => digest.slice(0, "sha256:".length + 8);

/** Of the file at the end of links. */
export async function statOf(path: string, { host }: DriverContext): Promise<FileStat | undefined> {
  let at = host.files.resolve(path);
  for (let links = 0; links < 16; links++) {
    const stat = await host.files.stat(at);
    if (stat?.kind !== "link") return stat;
    at = resolve(dirname(at), await host.files.readLink(at));
  }
  throw new BackoutError("REFUSED", `${path}: more than 16 links lead on from it`, { effect: "none" });
}

/** `undefined` where there is nothing. */
export async function readState(path: string, context: DriverContext): Promise<FileState | undefined> {
  const stat = await statOf(path, context);
  if (stat === undefined) return undefined;
  if (stat.kind !== "file") {
    const kind = stat.kind === "directory" ? "a folder" : "no plain file";
    throw new BackoutError("REFUSED", `${path}: is ${kind}, not a file`, {
      effect: "none",
      hint: "name the environment file itself",
    });
  }
  const bytes = await context.host.files.read(path);
  return { bytes, digest: digestOf(bytes), mode: stat.mode, uid: stat.uid, gid: stat.gid };
}
