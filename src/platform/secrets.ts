import { type Problem, ProblemsError, problem } from "../core/errors.js";
import type { Json } from "../core/json.js";

/** `${env:NAME}` and `${file:path}`. A dollar sign before it (`$${env:X}`) makes it plain text. */
const reference = /(\$?)\$\{(env|file):([^}]*)\}/g;

export interface SecretReference {
  /** As written: `${env:DB_PASSWORD}`. */
  readonly text: string;
  readonly source: "env" | "file";
  readonly name: string;
  /** Where in the value: `with.url`. */
  readonly path: string;
}

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => Promise<string>;
  /** Called for each secret found, before anything is done with it: put `redactor.add` here. */
  readonly onSecret?: (secret: string) => void;
  /** Put before the paths in messages: `targets.db`. */
  readonly at?: string;
}

const joinPath = (path: string, key: string) => (path === "" ? key : `${path}.${key}`);

function referencesIn(text: string, path: string): SecretReference[] {
  if (!text.includes("${")) return [];
  return [...text.matchAll(reference)]
    .filter(([, escaped]) => escaped === "")
    .map(([match, , source, name = ""]) => ({
      text: match,
      source: source === "env" ? "env" : "file",
      name,
      path,
    }));
}

/** Every reference inside the value's strings, keys excepted. */
export function secretReferences(value: Json, at = ""): SecretReference[] {
  if (typeof value === "string") return referencesIn(value, at);
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]: [string, Json]) =>
    secretReferences(member, joinPath(at, key)),
  );
}

async function lookUp(wanted: SecretReference, { env, readFile }: SecretSources): Promise<string | Problem> {
  const { source, name, path, text } = wanted;
  if (source === "env") {
    const value = env[name];
    if (value) return value;
    const fact = value === "" ? "is set but empty" : "is not set";
    return problem(
      path,
      `"${text}": the variable ${name} ${fact}`,
      `export ${name}=… and repeat the command`,
    );
  }
  try {
    const value = (await readFile(name)).replace(/\r?\n$/, "");
    return value === ""
      ? problem(path, `"${text}": the file ${name} is empty`, "write the secret into it")
      : value;
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    return problem(path, `"${text}": the file could not be read: ${fact}`, "create it, or correct the path");
  }
}

function substitute(value: Json, found: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") {
    if (!value.includes("${")) return value;
    return value.replace(reference, (match: string, escaped: string) =>
      escaped === "" ? (found.get(match) ?? match) : match.slice(1),
    );
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((member: Json) => substitute(member, found));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, Json]) => [key, substitute(member, found)]),
  );
}

/** A copy of the value with every reference replaced; SECRET_MISSING names all that are missing, at once. */
export async function resolveSecrets(value: Json, sources: SecretSources): Promise<Json> {
  const found = new Map<string, string>();
  const problems: Problem[] = [];
  for (const wanted of secretReferences(value, sources.at)) {
    if (found.has(wanted.text)) continue;
    const secret = await lookUp(wanted, sources);
    if (typeof secret !== "string") {
      problems.push(secret);
      continue;
    }
    sources.onSecret?.(secret);
    found.set(wanted.text, secret);
  }
  const [first] = problems;
  if (first !== undefined) {
    const others = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    const message = `${first.path}: ${first.message}${others}`;
    throw new ProblemsError("SECRET_MISSING", message, problems, first.hint);
  }
  return substitute(value, found);
}
