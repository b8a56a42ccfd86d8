import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import type { HttpResponse } from "../../core/ports.js";
import { excerpt } from "./excerpt.js";
import type { HttpApi, TlsFiles } from "./options.js";

/** A longer body arrives without its end (`HttpResponse`). */
const bodyLimit = 1024 * 1024;

export interface JsonAnswer {
  readonly status: number;
  /** `undefined`: the body is longer than what is read of one, 1 MiB. */
  readonly json: Json | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Between these, by this machine's clock, the server answered. Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** For messages: without user, password, query and fragment. */
export function shownServer(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname === "/" ? "" : pathname.replace(/\/$/, "")}`;
}

export const unmeasured = (
  context: Pick<DriverContext, "name">,
  fact: string,
  hint?: string,
  code: "UNREACHABLE" | "DENIED" | "NOT_FOUND" | "CONFLICT" | "REFUSED" | "TIMEOUT" = "UNREACHABLE",
): BackoutError =>
  new BackoutError(code, `${context.name}: could not measure, ${fact}`, {
    effect: "none",
    ...(hint === undefined ? {} : { hint }),
  });

/**
 * Asks the server's API with GET. A status for which the caller knows what a JSON body means is in `understood`;
 * everything else that is not 200 with JSON throws.
 */
export async function getJson(
  api: HttpApi,
  path: string,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  context: DriverContext,
  understood: readonly number[] = [],
): Promise<JsonAnswer> {
  const server = shownServer(api.url);
  const url = addressOf(api.url, path, parameters, context);
  const from = context.clock.now();
  const response = await send(api, url, context);
  const to = context.clock.now();
  const { status, headers } = response;
  if (status !== 200 && !understood.includes(status)) throw refused(server, path, response, context);
  return { status, json: parsed(server, path, response, context), headers, from, to };
}

function addressOf(
  base: string,
  path: string,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  context: DriverContext,
): URL {
  if (!URL.canParse(base)) throw unmeasured(context, `"${base}" is not a URL`, "http://host:port");
  const url = new URL(base);
  url.pathname = url.pathname.replace(/\/$/, "") + path;
  for (const [name, values] of Object.entries(parameters))
    for (const value of [values].flat()) url.searchParams.append(name, value);
  return url;
}

async function send(api: HttpApi, url: URL, context: DriverContext): Promise<HttpResponse> {
  const tls = api.tls && (await readTls(api.tls, context));
  try {
    return await context.http.request({
      url: url.href,
      headers: authorization(api),
      timeoutMs: api.timeout,
      signal: context.signal,
      ...(tls === undefined ? {} : { tls }),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    throw unmeasured(
      context,
      error.message,
      error.hint ?? "does that server run, and can this machine reach it?",
      error.code === "TIMEOUT" ? "TIMEOUT" : "UNREACHABLE",
    );
  }
}

function authorization({ bearer, username, password }: HttpApi): Record<string, string> {
  if (bearer !== undefined) return { authorization: `Bearer ${bearer}` };
  if (username === undefined) return {};
  const pair = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}

async function readTls(files: TlsFiles, { host }: DriverContext) {
  const text = async (path: string | undefined) =>
    path === undefined ? undefined : new TextDecoder().decode(await host.files.read(path));
  const [ca, cert, key] = await Promise.all([text(files.ca), text(files.cert), text(files.key)]);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function refused(server: string, path: string, response: HttpResponse, context: DriverContext): BackoutError {
  const { status, body, headers } = response;
  const fact = `${server} answered ${status} to ${path}: ${excerpt(body)}`;
  if (status === 401 || status === 403) {
    return unmeasured(context, fact, "set `bearer`, or `username` and `password`", "DENIED");
  }
  if (status === 404) {
    return unmeasured(context, fact, "is it that server, and is the path prefix in `url` right?");
  }
  const location = headers["location"];
  const hint =
    location === undefined
      ? "that server's log says why"
      : `it redirects to ${shownServer(location)}: write that as \`url\`, or is it a login page?`;
  return unmeasured(context, fact, hint);
}

function parsed(
  server: string,
  path: string,
  { body }: HttpResponse,
  context: DriverContext,
): Json | undefined {
  try {
    return JSON.parse(body) as Json;
  } catch {
    if (Buffer.byteLength(body) >= bodyLimit) return undefined;
    throw unmeasured(context, `the answer of ${server} to ${path} is no JSON: ${excerpt(body)}`);
  }
}
