import { join } from "node:path/posix";
import { BackoutError } from "../../core/errors.js";
import type { Files } from "../../core/ports.js";
import type { Entry } from "./ledger.js";
import { readScript, type Statement, segments, textDigest } from "./sql-script.js";

/** The SQL that takes one migration back, as the plan saw it. */
export type Script = {
  readonly migration: string;
  readonly path: string;
  readonly digest: string;
};

export interface ReadScript extends Script {
  readonly statements: readonly Statement[];
}

export const scriptPath = (
  release: string,
  files: string | undefined,
  script: string,
  migration: string,
): string => join(release, files ?? ".", script.replaceAll("{migration}", migration));

/** Newest first. What failed or was rolled back has changed nothing, so nothing has to be taken back. */
export const toTakeBack = (added: readonly Entry[]): Entry[] =>
  added.filter(({ state }) => state === "applied").reverse();

/** Every reason at once. */
export async function readScripts(
  paths: readonly Pick<Script, "migration" | "path">[],
  files: Files,
): Promise<ReadScript[]> {
  const read: ReadScript[] = [];
  const wrong: string[] = [];
  for (const { migration, path } of paths) {
    try {
      const text = Buffer.from(await files.read(path)).toString();
      const statements = await readScript(text, path);
      if (statements.length === 0) wrong.push(`${path}: has no statement in it`);
      read.push({ migration, path, digest: textDigest(text), statements });
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      wrong.push(
        error.code === "NOT_FOUND"
          ? `${path}: is not there, so "${migration}" has no way back`
          : error.message,
      );
    }
  }
  if (wrong.length > 0) {
    throw new BackoutError("REFUSED", wrong.join("; "), {
      effect: "none",
      hint: "the team writes the SQL that takes a migration back beside it, in the newer release",
    });
  }
  return read;
}

export const allSegments = (scripts: readonly ReadScript[]): Statement[][] =>
  segments(scripts.flatMap(({ statements }) => statements));
