import { setMaxListeners } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import { sharedAgent } from "./agents.js";
import { type Asked, answerError, noAnswer } from "./api-error.js";
import { signIn } from "./credentials.js";
import type { Credentials } from "./held-credentials.js";
import { type ChosenContext, type ClusterOptions, chooseContext } from "./kubeconfig.js";

export interface Call {
  /** Default GET. */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/apis/apps/v1/namespaces/shop/deployments/api`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Milliseconds without a byte. Default 30 s. */
  readonly idleMs?: number;
}

/** A cluster's API, spoken to as one user. */
export interface Kubernetes {
  readonly server: string;
  readonly user: string;
  readonly namespace: string;
  /** The answer's body, as text. Rejects with BackoutError. */
  text(call: Call): Promise<string>;
  /** The answer's body, parsed; what it holds is up to the path. */
  json<T>(call: Call): Promise<T>;
  /** What a program in a container writes, of calls to `exec`; rejects where it does not end well. */
  output(call: Pick<Call, "path" | "idleMs">, command: readonly string[]): Promise<string>;
  /** The body's lines as they come, until the server ends it. */
  lines(call: Call, signal: AbortSignal): AsyncGenerator<string>;
}

type Context = Pick<DriverContext, "host" | "name" | "signal" | "clock">;

/** Bodies are objects and lists of them; the largest list that is asked for has 500 items. */
const mostBytes = 256 * 2 ** 20;

export async function connect(options: ClusterOptions, context: Context): Promise<Kubernetes> {
  const chosen = await chooseContext(options, context);
  const server = serverOf(chosen);
  const agent = await sharedAgent(chosen, server, context);
  const signed = await signIn(chosen, context);
  const user = chosen.userName || "anonymous";
  // Each request in flight listens to it.
  setMaxListeners(0, context.signal);

  const open = (call: Call, as: Credentials, signal: AbortSignal): Promise<IncomingMessage> => {
    const { method = "GET", path, query, body, contentType = "application/json" } = call;
    const url = new URL(server.href.replace(/\/$/, "") + path);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const data = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { accept: "application/json, */*", "user-agent": "backout" };
    if (as.authorization !== undefined) headers["authorization"] = as.authorization;
    if (data !== undefined) {
      headers["content-type"] = contentType;
      headers["content-length"] = String(Buffer.byteLength(data));
    }
    const pair = pairOf(as);
    const send = url.protocol === "http:" ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const idle = call.idleMs ?? 30_000;
      const request = send(url, { method, headers, agent, signal, timeout: idle, ...pair }, resolve);
      request.on("error", reject);
      request.on("timeout", () => {
        const effect = method === "GET" ? "none" : "unknown";
        const fact = `${server.origin}: ${method} ${path}: no answer within ${idle / 1000} s`;
        request.destroy(new BackoutError("TIMEOUT", fact, { effect }));
      });
      request.end(data);
    });
  };
  const askedOf = ({ method = "GET", path }: Call): Asked => ({ server: server.origin, user, method, path });
  const answer = async (call: Call, signal: AbortSignal, again = true): Promise<IncomingMessage> => {
    const asked = askedOf(call);
    const as = await signed.now();
    const response = await open(call, as, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw noAnswer(asked, error);
    });
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    const body = await bodyOf(response, asked);
    // Who is not let in has changed nothing: it is safe to ask again.
    if (code === 401 && signed.refused(as) && again) return answer(call, signal, false);
    throw answerError(asked, code, body);
  };
  const text = async (call: Call) => bodyOf(await answer(call, context.signal), askedOf(call));
  return {
    ...{ server: server.origin, user, namespace: chosen.namespace, text },
    json: async <T>(call: Call) => JSON.parse(await text(call)) as T,
    output: async ({ path, idleMs = 30_000 }, command) => {
      const { outputOf } = await import("./exec.js");
      const url = new URL(server.href.replace(/\/$/, "") + path);
      const as = await signed.now();
      const { authorization } = as;
      const headers = { "user-agent": "backout", ...(authorization === undefined ? {} : { authorization }) };
      const dial = { agent, headers, ...pairOf(as) };
      return outputOf({ url, dial, asked: askedOf({ path }), command, idleMs, signal: context.signal });
    },
    async *lines(call, signal) {
      yield* linesOf(await answer(call, signal), askedOf(call), signal);
    },
  };
}

const pairOf = ({ cert, key }: Credentials) => (cert === undefined || key === undefined ? {} : { cert, key });

/** For one piece of work. */
export async function withKubernetes<T>(
  options: ClusterOptions,
  context: Context,
  work: (api: Kubernetes) => Promise<T>,
): Promise<T> {
  return work(await connect(options, context));
}

function serverOf({ from, cluster, name }: ChosenContext): URL {
  const refuse = (fact: string, hint: string) =>
    new BackoutError("REFUSED", `${from}: context "${name}": ${fact}`, { effect: "none", hint });
  if (cluster["proxy-url"] !== undefined) {
    throw refuse(
      "has a proxy-url, which backout does not speak through",
      "run `kubectl proxy` and name its address as server",
    );
  }
  const text = cluster.server ?? "";
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw refuse(`its server "${text}" is not a URL`, "it begins with https://");
}

async function bodyOf(response: IncomingMessage, asked: Asked): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part);
      bytes += part.length;
      if (bytes > mostBytes) {
        throw new BackoutError("REFUSED", `${asked.path}: the answer is larger than 256 MiB`, {
          effect: "none",
        });
      }
    }
  } catch (error) {
    throw noAnswer(asked, error);
  }
  return Buffer.concat(parts).toString();
}

async function* linesOf(
  response: IncomingMessage,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines.filter((line) => line !== "");
    }
  } catch (error) {
    signal.throwIfAborted();
    throw noAnswer(asked, error);
  }
}
