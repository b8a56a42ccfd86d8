import { dirname } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import type { Options } from "./options.js";
import { digestRelease, listReleases, readRelease } from "./release-link.js";

export async function check(options: Options, context: DriverContext): Promise<Problem[]> {
  const { files } = context.host;
  const found: Problem[] = [];
  const releases = await listReleases(files, options).catch((error: unknown) => {
    found.push(asProblem(`${context.name}.releases`, error));
    return undefined;
  });
  if (releases === undefined) return found;
  try {
    const link = await readRelease(files, options);
    const at = files.resolve(options.current);
    if (link === undefined) {
      found.push(problem(`${context.name}.current`, `${at}: does not exist`, `ln -s <release> ${at}`));
    } else if ((await digestRelease(files, options, link.release)) === undefined) {
      found.push(
        problem(`${context.name}.current`, `${at}: points to "${link.target}", which is not on disk`),
      );
    }
  } catch (error) {
    found.push(asProblem(`${context.name}.current`, error));
  }
  const folder = dirname(files.resolve(options.current));
  const writable = await context.host.exec({ argv: ["test", "-w", folder], signal: context.signal });
  if (writable.exitCode !== 0) {
    found.push(
      problem(
        `${context.name}.current`,
        `${folder}: not writable, so the link cannot be switched`,
        "run as its owner",
      ),
    );
  }
  if (releases.length < 2) {
    found.push(
      warning(
        `${context.name}.releases`,
        `${files.resolve(options.releases)}: holds ${releases.length} release(s); a way back needs the one before too`,
        "let the deployment keep old releases",
      ),
    );
  }
  return found;
}

function asProblem(path: string, error: unknown): Problem {
  if (error instanceof BackoutError) return problem(path, error.message, error.hint);
  throw error;
}
