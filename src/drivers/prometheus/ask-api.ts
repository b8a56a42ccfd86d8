import * as z from "zod";
import { getJson, type JsonAnswer, shownServer, unmeasured } from "../../clients/http-api/get-json.js";
import type { HttpApi } from "../../clients/http-api/options.js";
import type { DriverContext } from "../../core/driver.js";
import type { Json } from "../../core/json.js";

const envelope = z.object({
  status: z.enum(["success", "error"]),
  // JSON it is already: looking into a day of points once more would cost more than asking for them.
  data: z.custom<Json>().optional(),
  errorType: z.string().optional(),
  error: z.string().optional(),
  warnings: z.array(z.string()).optional(),
});

export interface ApiAnswer extends Omit<JsonAnswer, "json" | "status"> {
  /** `undefined`: the answer is too long. */
  readonly data: Json | undefined;
  readonly warnings: readonly string[];
}

/** Prometheus' own errors come as JSON with these (bad request, cannot be executed, gave up). */
const withReason = [400, 422, 503];

/** `data` of an answer of the API; throws with Prometheus' own reason where there is none. */
export async function askApi(
  api: HttpApi,
  path: string,
  parameters: Readonly<Record<string, string>>,
  context: DriverContext,
): Promise<ApiAnswer> {
  const { json, status, ...answer } = await getJson(api, path, parameters, context, withReason);
  if (json === undefined) return { ...answer, data: undefined, warnings: [] };
  const read = envelope.safeParse(json);
  const server = shownServer(api.url);
  if (!read.success) {
    const fact = `${server} answered ${path} with JSON that is not Prometheus'`;
    throw unmeasured(context, fact, "is it a Prometheus?");
  }
  const { data, error, errorType, warnings = [] } = read.data;
  if (status === 200 && read.data.status === "success" && data !== undefined) {
    return { ...answer, data, warnings };
  }
  const query = parameters["query"];
  const about = query === undefined ? path : `the query "${query}"`;
  const code = errorType === "timeout" || errorType === "canceled" ? "TIMEOUT" : "REFUSED";
  throw unmeasured(context, `${server} refuses ${about}: ${error ?? `status ${status}`}`, undefined, code);
}
