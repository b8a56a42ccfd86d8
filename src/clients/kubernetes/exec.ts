import type { IncomingMessage } from "node:http";
import type { ClientOptions, RawData } from "ws";
import { BackoutError } from "../../core/errors.js";
import { type Asked, answerError, noAnswer } from "./api-error.js";

interface Exec {
  /** `…/pods/NAME/exec?container=…`. */
  readonly url: URL;
  /** How this cluster is reached, and as whom. */
  readonly dial: ClientOptions;
  readonly asked: Asked;
  readonly command: readonly string[];
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** The first byte of each message says what it is. */
const channels = { output: 1, errors: 2, status: 3 } as const;
const protocol = "v4.channel.k8s.io";

interface Status {
  readonly status?: string;
  readonly message?: string;
}

/** Programs whose output is wanted here write little. */
const mostBytes = 4 * 2 ** 20;

/** What the program writes to its output, when it has ended with 0. It gets no input. */
export async function outputOf(exec: Exec): Promise<string> {
  const { url, dial, asked, command, idleMs, signal } = exec;
  const { WebSocket } = await import("ws");
  const target = new URL(url);
  target.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  for (const one of command) target.searchParams.append("command", one);
  for (const stream of ["stdout", "stderr"]) target.searchParams.set(stream, "true");
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(target, protocol, {
      ...dial,
      ...{ handshakeTimeout: idleMs, maxPayload: mostBytes, perMessageDeflate: false },
    });
    const parts = new Map<number, Buffer[]>();
    const text = (channel: number): string => Buffer.concat(parts.get(channel) ?? []).toString();
    const abort = (): void => socket.terminate();
    const silent = setTimeout(abort, idleMs);
    signal.addEventListener("abort", abort, { once: true });
    const end = (work: () => void): void => {
      clearTimeout(silent);
      signal.removeEventListener("abort", abort);
      socket.terminate();
      work();
    };
    socket.on("message", (data: RawData) => {
      silent.refresh();
      const bytes = Buffer.isBuffer(data) ? data : Buffer.concat([data].flat() as Buffer[]);
      const [channel = 0] = bytes;
      parts.set(channel, [...(parts.get(channel) ?? []), bytes.subarray(1)]);
    });
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      const code = response.statusCode ?? 0;
      void bodyOf(response).then((body) => end(() => reject(answerError(asked, code, body))));
    });
    socket.on("error", (error) => end(() => reject(signal.aborted ? signal.reason : noAnswer(asked, error))));
    socket.on("close", () =>
      end(() => {
        if (signal.aborted) return reject(signal.reason as Error);
        const said = text(channels.status);
        const { status, message } = (said === "" ? {} : JSON.parse(said)) as Status;
        if (status === "Success") return resolve(text(channels.output));
        const why = text(channels.errors).trim().slice(0, 200) || message || "it ended without a word";
        const fact = `${asked.path.split("?")[0]}: \`${command.join(" ")}\`: ${why}`;
        reject(new BackoutError("COMMAND_FAILED", fact, { effect: "none" }));
      }),
    );
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}
