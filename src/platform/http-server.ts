import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BackoutError } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";
import type { HttpReply, HttpServer, Listened } from "../core/ports.js";

const mostBytes = 2 ** 20;
/** Nobody may keep a connection by saying nothing. */
const patienceMs = 10_000;

const tooLong = Symbol("too long");

async function bodyOf(request: IncomingMessage): Promise<string | typeof tooLong> {
  const chunks: Buffer[] = [];
  let held = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    held += chunk.length;
    if (held > mostBytes) return tooLong;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(", ")]),
  );
}

async function answer(request: IncomingMessage, onCall: Listened["onCall"]): Promise<HttpReply> {
  const body = await bodyOf(request);
  if (body === tooLong) return { status: 413, body: "more than 1 MiB\n" };
  const [path = "/"] = (request.url ?? "/").split("?");
  return onCall({ method: request.method ?? "GET", path, headers: headersOf(request), body });
}

function send(response: ServerResponse, { status, body }: HttpReply): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(body);
}

/** A small server for those who tell by themselves: one answer a connection, bounded in size and time. */
export const httpServer: HttpServer = {
  async listen({ host, port, onCall }) {
    const { createServer } = await import("node:http");
    const server = createServer(
      { requestTimeout: patienceMs, headersTimeout: patienceMs },
      (request, response) => {
        answer(request, onCall).then(
          (reply) => send(response, reply),
          () => send(response, { status: 500, body: "failed\n" }),
        );
      },
    );
    server.maxConnections = 50;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(cannotListen(host, port, error)));
      server.listen(port, host, resolve);
    });
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    };
  },
};

function cannotListen(host: string, port: number, error: Error): BackoutError {
  const code = systemErrorCode(error);
  const facts: Readonly<Record<string, string>> = {
    EADDRINUSE: "something listens there already",
    EADDRNOTAVAIL: "this machine does not have that address",
    EACCES: "this user may not listen there",
  };
  const hint = code === "EADDRINUSE" ? "is another watch running? Or choose another port" : undefined;
  return new BackoutError("CONFLICT", `${host}:${port}: ${facts[code ?? ""] ?? error.message}`, {
    effect: "none",
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
