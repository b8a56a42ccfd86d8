import { dirname, resolve } from "node:path/posix";
import { BackoutError } from "../core/errors.js";
import type { GivenFile } from "../core/given-file.js";
import { didYouMean, listed } from "../core/playbook/suggestion.js";
import type { Files } from "../core/ports.js";
import { loadTarget } from "./driver-call.js";
import type { Services } from "./services.js";

/** Target → the file or folder that takes the place of its capture. */
export type GivenFiles = ReadonlyMap<string, GivenFile>;

const usage = (message: string, hint: string): BackoutError =>
  new BackoutError("USAGE", message, { effect: "none", hint });

const refused = (code: "NOT_FOUND" | "REFUSED", message: string, hint: string): BackoutError =>
  new BackoutError(code, message, { effect: "none", hint });

/** Each text is `TARGET=PATH`, the path absolute. Everything is looked at before anything is captured. */
export async function givenFiles(
  services: Services,
  texts: readonly string[],
  knownDrivers: readonly string[],
): Promise<GivenFiles> {
  const { targets } = services.playbook;
  const found = new Map<string, GivenFile>();
  for (const text of texts) {
    const at = text.indexOf("=");
    const [target, path] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
    if (target === "" || path === "") {
      throw usage(`--from: "${text}" is no target and path`, "--from data=/backups/shop.dump");
    }
    if (!Object.hasOwn(targets, target)) {
      const known = Object.keys(targets);
      throw refused(
        "NOT_FOUND",
        `--from: there is no target "${target}"${didYouMean(target, known)}`,
        listed("targets", known),
      );
    }
    if (found.has(target)) throw usage(`--from: "${target}" is named twice`, "give one file for each target");
    await refuseUnlessAdopted(services, target, knownDrivers);
    found.set(target, await lookAt(services.host.files, target, path));
  }
  return found;
}

async function refuseUnlessAdopted(
  services: Services,
  target: string,
  knownDrivers: readonly string[],
): Promise<void> {
  const { driver } = await loadTarget(services, target);
  if (driver.adopt !== undefined) return;
  const { targets } = services.playbook;
  const own: string[] = [];
  for (const [name, { driver: id }] of Object.entries(targets)) {
    if ((await services.drivers.target(id)).adopt !== undefined) own.push(name);
  }
  const hint =
    own.length > 0
      ? listed("targets that can", own)
      : listed("drivers that can", await adopting(services, knownDrivers));
  throw refused("REFUSED", `${target}: the driver "${driver.id}" takes over no given file`, hint);
}

async function adopting({ drivers }: Services, known: readonly string[]): Promise<string[]> {
  const can: string[] = [];
  for (const id of known) {
    const driver = await drivers.target(id).catch((error: unknown) => {
      if (error instanceof BackoutError) return undefined;
      throw error;
    });
    if (driver?.adopt !== undefined) can.push(id);
  }
  return can;
}

const mostLinks = 40;

async function lookAt(files: Files, target: string, given: string): Promise<GivenFile> {
  let path = given;
  let stat = await files.stat(path);
  for (let links = 0; stat?.kind === "link" && links < mostLinks; links++) {
    path = resolve(dirname(path), await files.readLink(path));
    stat = await files.stat(path);
  }
  if (stat === undefined) {
    const where = path === given ? "" : `, to which "${given}" leads`;
    throw refused("NOT_FOUND", `${target}: "${path}"${where}: is not there`, `ls -l ${dirname(path)}`);
  }
  const { kind, size, modified } = stat;
  if (kind === "directory") {
    const { length } = await files.list(path);
    if (length === 0) throw refused("REFUSED", `${target}: "${path}": is an empty folder`, "name a backup");
    return { path, kind, size, modified };
  }
  if (kind !== "file")
    throw refused("REFUSED", `${target}: "${path}": is neither a file nor a folder`, "name a backup");
  if (size === 0) {
    throw refused(
      "REFUSED",
      `${target}: "${path}": is empty`,
      "name an older backup; see why this one failed",
    );
  }
  await files.readPart(path, 0, 1);
  return { path, kind, size, modified };
}
