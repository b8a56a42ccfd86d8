import { isAbsolute } from "node:path";
import type { Discovered, DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { decodeText, textProblems } from "./env-text.js";
import { type FileState, octal, readState } from "./file-state.js";
import type { EnvFileOptions } from "./options.js";
import { runningProcesses } from "./process-environment.js";

function contentProblems(path: string, { bytes, mode }: FileState, { name }: DriverContext): Problem[] {
  const found: Problem[] = [];
  if ((mode & 0o004) !== 0)
    found.push(
      warning(name, `${path}: may be read by everyone, its mode is "${octal(mode)}"`, `chmod o-rwx ${path}`),
    );
  const text = decodeText(bytes);
  if (text === undefined)
    return [
      ...found,
      warning(
        name,
        `${path}: is not valid UTF-8`,
        "its bytes come back as they are, but nothing can be kept or compared",
      ),
    ];
  const lines = textProblems(text).map(({ line, message }) =>
    warning(name, `${path}: line ${line} ${message}`),
  );
  return [...found, ...lines];
}

async function asProblem<T>(
  { name }: DriverContext,
  look: () => Promise<T>,
): Promise<{ value?: T; problems: Problem[] }> {
  try {
    return { value: await look(), problems: [] };
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return { problems: [problem(name, error.message, error.hint)] };
  }
}

async function commandProblems(
  { restart }: EnvFileOptions,
  { name, host }: DriverContext,
): Promise<Problem[]> {
  const [program = ""] = restart?.command ?? [];
  if (!isAbsolute(program) || (await host.files.stat(program)) !== undefined) return [];
  return [
    problem(name, `${program}: does not exist, so nothing can be restarted`, "correct `restart.command`"),
  ];
}

/** Looks only. Whether encryption is set up is the artifact store's to say. */
export async function check(options: EnvFileOptions, context: DriverContext): Promise<Problem[]> {
  const { file, reference, process } = options;
  const seen = await asProblem(context, () => readState(file, context));
  const found = [...seen.problems];
  if (seen.value !== undefined) found.push(...contentProblems(file, seen.value, context));
  else if (found.length === 0) found.push(problem(context.name, `${file}: does not exist`, "correct `file`"));
  if (reference !== undefined) {
    const copy = await asProblem(context, () => readState(reference, context));
    found.push(...copy.problems);
    if (copy.problems.length === 0 && copy.value?.digest !== seen.value?.digest) {
      const how = copy.value === undefined ? "does not exist" : `differs from ${file}`;
      found.push(problem(context.name, `${reference}: ${how}`, `cp -p ${file} ${reference}`));
    }
  }
  if (process !== undefined) {
    const running = await asProblem(context, () => runningProcesses(process, context));
    found.push(...running.problems);
    if (running.value?.length === 0)
      found.push(
        warning(
          context.name,
          `${process.pidFile}: names no running process`,
          "start it, or correct `process.pidFile`",
        ),
      );
  }
  return [...found, ...(await commandProblems(options, context))];
}

const environmentFile = /^\.env(\.[\w-]+)*$/;
const sample = /\.(example|sample|template|dist|schema)$/;

export async function discover({ host }: DriverContext): Promise<Discovered[]> {
  const entries = await host.files.list(".");
  return entries
    .filter(({ name, kind }) => kind !== "directory" && environmentFile.test(name) && !sample.test(name))
    .map(({ name }) => ({
      name: name.slice(1).replaceAll(/[._]/g, "-"),
      with: { file: name },
      because: `an environment file ${name}`,
    }));
}
