import type { IncomingMessage } from "node:http";
import { BackoutError, type Effect } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";
import type { Http, HttpRequest, HttpResponse } from "../core/ports.js";

const keptBytes = 2 ** 20;

/** For messages: without user, password, query and fragment, any of which may hold a secret. */
function displayUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

interface Cause {
  readonly fact: string;
  readonly effect: Effect;
  readonly hint?: string;
}

const tlsCause = (fact: string, hint?: string): Cause => ({
  fact: `TLS: ${fact}`,
  effect: "none",
  ...(hint && { hint }),
});
const unknownIssuer = tlsCause(
  "the certificate's issuer is not trusted here",
  "name the issuer's certificate in NODE_EXTRA_CA_CERTS",
);
const unreachableNetwork: Cause = { fact: "no route to the host", effect: "none" };
const noName: Cause = {
  fact: "the host name cannot be resolved (DNS)",
  effect: "none",
  hint: "check the name, and the resolver of this machine",
};

const causes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: {
    fact: "connection refused: nothing listens there",
    effect: "none",
    hint: "check host and port, and whether the service runs",
  },
  ENOTFOUND: noName,
  EAI_AGAIN: { ...noName, fact: "the name server did not answer (DNS)" },
  EHOSTUNREACH: unreachableNetwork,
  ENETUNREACH: unreachableNetwork,
  ETIMEDOUT: { fact: "no answer to the attempt to connect", effect: "none" },
  ECONNRESET: { fact: "the connection was closed before the answer was complete", effect: "unknown" },
  EPIPE: { fact: "the connection was closed while the request was sent", effect: "unknown" },
  EPROTO: tlsCause(
    "the server does not speak TLS on this port, or no common version",
    "is it http:// instead?",
  ),
  CERT_HAS_EXPIRED: tlsCause("the certificate has expired"),
  CERT_NOT_YET_VALID: tlsCause("the certificate is not valid yet", "check the clock of this machine"),
  ERR_TLS_CERT_ALTNAME_INVALID: tlsCause("the certificate is for another host name"),
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
};

function unreachable(url: URL, error: unknown): BackoutError {
  const code = systemErrorCode(error) ?? "";
  const known = code.startsWith("HPE_")
    ? { fact: "what answered does not speak HTTP", effect: "unknown" as const }
    : causes[code.startsWith("ERR_SSL_") ? "EPROTO" : code];
  const fact = known?.fact ?? (error instanceof Error ? error.message : String(error));
  return new BackoutError("UNREACHABLE", `${displayUrl(url)}: ${fact}${code === "" ? "" : ` (${code})`}`, {
    effect: known?.effect ?? "unknown",
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    cause: error,
  });
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const shown = url === undefined ? "is not a URL" : `has the scheme "${url.protocol}"`;
  throw new BackoutError(
    "UNREACHABLE",
    `${base ? displayUrl(base) : "url"}: ${base ? "redirects to what " : ""}${shown}`,
    {
      effect: "none",
      hint: "a URL begins with http:// or https://",
    },
  );
}

interface Exchange {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  readonly tls: HttpRequest["tls"];
}

/** User and password of the URL become a header, so that no message about the URL can hold them. */
function headersFor(url: URL, given: HttpRequest["headers"] = {}): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (url.username !== "" || url.password !== "") {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers["authorization"] ??= `Basic ${Buffer.from(user).toString("base64")}`;
  }
  return { "accept-encoding": "identity", "user-agent": "backout", ...headers, connection: "close" };
}

/** At the first request, since most commands make none. */
const load = (url: URL) => (url.protocol === "https:" ? import("node:https") : import("node:http"));

/** One connection for one request: a kept one that the server has closed meanwhile would look like an outage. */
async function send(
  url: URL,
  { method, headers, body, tls }: Exchange,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { request } = await load(url);
  const target = new URL(url);
  target.username = "";
  target.password = "";
  return new Promise((answered, failed) => {
    const sent = request(target, { method, headers, agent: false, signal, ...tls }, answered);
    sent.on("error", failed);
    sent.end(body);
  });
}

async function readBody(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let held = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    held += chunk.length;
    if (held >= keptBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, keptBytes).toString("utf8");
}

const redirects = new Set([301, 302, 303, 307, 308]);

/** As browsers do: 303, and a POST after 301 or 302, become a GET; credentials stay with their origin. */
function redirected(exchange: Exchange, status: number, from: URL, to: URL): Exchange {
  const asGet = status === 303 ? exchange.method !== "HEAD" : status < 303 && exchange.method === "POST";
  const headers = { ...exchange.headers };
  if (from.origin !== to.origin) for (const name of ["authorization", "cookie", "host"]) delete headers[name];
  const tls = from.origin === to.origin ? exchange.tls : undefined;
  if (!asGet) return { ...exchange, headers, tls };
  for (const name of ["content-type", "content-length"]) delete headers[name];
  return { method: "GET", headers, body: undefined, tls };
}

async function exchangeAll(
  request: HttpRequest,
  first: URL,
  signal: AbortSignal,
): Promise<Omit<HttpResponse, "ms">> {
  let url = first;
  let exchange: Exchange = {
    method: (request.method ?? "GET").toUpperCase(),
    headers: headersFor(first, request.headers),
    body: request.body,
    tls: request.tls,
  };
  for (let followed = 0; ; followed++) {
    try {
      const answer = await send(url, exchange, signal);
      const status = answer.statusCode ?? 0;
      const location = answer.headers.location;
      if (redirects.has(status) && location !== undefined && followed < (request.followRedirects ?? 0)) {
        answer.destroy();
        const next = parseUrl(location, url);
        exchange = redirected(exchange, status, url, next);
        url = next;
        continue;
      }
      const headers = Object.entries(answer.headers).map(([name, value]) => [
        name,
        [value].flat().join(", "),
      ]);
      return { status, headers: Object.fromEntries(headers), body: await readBody(answer) };
    } catch (error) {
      if (signal.aborted || error instanceof BackoutError) throw error;
      throw unreachable(url, error);
    }
  }
}

/**
 * Over `node:http` rather than `fetch`, which keeps connections, refuses some ports (6000, 10080, …) and refuses a
 * GET with a body.
 */
export function httpClient(): Http {
  return {
    async request(request) {
      request.signal?.throwIfAborted();
      const url = parseUrl(request.url);
      await load(url);
      const timeout = AbortSignal.timeout(request.timeoutMs);
      const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
      const begun = performance.now();
      try {
        const answer = await exchangeAll(request, url, signal);
        return { ...answer, ms: performance.now() - begun };
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason;
        if (!timeout.aborted) throw error;
        throw new BackoutError(
          "TIMEOUT",
          `${displayUrl(url)}: no complete answer within ${request.timeoutMs} ms`,
          {
            effect: "unknown",
          },
        );
      }
    },
  };
}
