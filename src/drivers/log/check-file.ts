import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";

/** A file that is not there yet may come; one that may not be read will not get better by itself. */
export async function checkFile(
  { path }: { readonly path: string },
  context: DriverContext,
): Promise<Problem[]> {
  const at = `${context.name}.path`;
  try {
    await context.host.files.readPart(path, 0, 0);
    return [];
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    if (error.code === "NOT_FOUND") {
      return [warning(at, error.message, "is the path right? Without the file nothing is measured")];
    }
    return [problem(at, error.message, error.hint ?? "let the user that runs backout read it")];
  }
}
