import { shownServer } from "../../clients/http-api/get-json.js";
import type { HttpApi } from "../../clients/http-api/options.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { measure } from "./measure.js";
import type { Asked } from "./options.js";

/**
 * Asks the query once. What is wrong with it is an error; monitoring that is down, or a series that is not there now, is a
 * warning: neither may keep anybody from rolling back.
 */
export async function checkQuery(options: HttpApi & Asked, context: DriverContext): Promise<Problem[]> {
  const at = (key: string): string => `${context.name}.${key}`;
  if (!URL.canParse(options.url)) {
    return [problem(at("url"), `"${shownServer(options.url)}" is not a URL`, "http://host:port")];
  }
  try {
    await measure(options, context);
    return [];
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    const { code, message, hint } = error;
    if (code === "REFUSED" || code === "CONFLICT") return [problem(at("query"), message, hint)];
    return [warning(at(code === "NOT_FOUND" ? "query" : "url"), message, hint)];
  }
}
