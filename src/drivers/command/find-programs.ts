import type { DriverContext } from "../../core/driver.js";
import { type Problem, problem } from "../../core/errors.js";
import type { Host } from "../../core/ports.js";
import type { Program } from "./program.js";

const asked = new WeakMap<Host, Map<string, Promise<unknown>>>();

/** A large playbook names the same few programs hundreds of times: who asks while a question is open shares the answer. */
function shared<T>(host: Host, question: string, ask: () => Promise<T>): Promise<T> {
  const open = asked.get(host) ?? new Map<string, Promise<unknown>>();
  asked.set(host, open);
  const answer = open.get(question) ?? ask().finally(() => open.delete(question));
  open.set(question, answer);
  return answer as Promise<T>;
}

const below = (folder: string, name: string): string => (name.startsWith("/") ? name : `${folder}/${name}`);

async function isExecutable(path: string, { host }: DriverContext): Promise<boolean> {
  const found = await host.files.stat(path).catch(() => undefined);
  if (found?.kind === "link") return true;
  return found?.kind === "file" && (found.mode & 0o111) !== 0;
}

const isOnPath = (name: string, search: string, folder: string, context: DriverContext): Promise<boolean> =>
  shared(context.host, `program ${folder} ${search} ${name}`, async () => {
    for (const part of search.split(":")) {
      if (await isExecutable(below(below(folder, part === "" ? "." : part), name), context)) return true;
    }
    return false;
  });

const isFolder = (path: string, { host }: DriverContext): Promise<boolean> =>
  shared(host, `folder ${path}`, async () => {
    const found = await host.files.stat(path).catch(() => undefined);
    return found?.kind === "directory" || found?.kind === "link";
  });

async function missingProgram(
  path: string,
  program: Program,
  folder: string,
  context: DriverContext,
): Promise<Problem | undefined> {
  const name = program.run[0] ?? "";
  if (name.includes("/")) {
    if (await isExecutable(below(folder, name), context)) return undefined;
    return problem(`${path}.run`, `"${name}" is no executable file`, `check the path and chmod +x it`);
  }
  const search = program.env["PATH"] ?? (await context.host.variable("PATH")) ?? "";
  if (await isOnPath(name, search, folder, context)) return undefined;
  return problem(`${path}.run`, `"${name}" is not on the PATH`, "install it, or write its whole path");
}

/** Whether each program can be started: it exists, and so does its working folder. Nothing is run of them. */
export async function findPrograms(
  programs: readonly (readonly [name: string, program: Program | undefined])[],
  context: DriverContext,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [name, program] of programs) {
    if (program === undefined) continue;
    const path = name === "" ? context.name : `${context.name}.${name}`;
    const folder = context.host.files.resolve(program.cwd ?? ".");
    if (!(await isFolder(folder, context))) {
      problems.push(problem(`${path}.cwd`, `"${program.cwd ?? folder}" is no folder`));
      continue;
    }
    const missing = await missingProgram(path, program, folder, context);
    if (missing !== undefined) problems.push(missing);
  }
  return problems;
}
