import { createHash, timingSafeEqual } from "node:crypto";
import type { SignalContext } from "../../core/driver.js";
import type { HttpCall, HttpReply } from "../../core/ports.js";
import { type Heard, hear, heardSchema, notification } from "./heard.js";
import type { Listening } from "./options.js";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** In a time that tells nothing about the token. */
const shows = (token: string, header: string | undefined): boolean =>
  timingSafeEqual(digest(`Bearer ${token}`), digest(header ?? ""));

const reply = (status: number, body: string): HttpReply => ({ status, body: `${body}\n` });

/** What was heard before, also by a watch before this one. */
export async function remembered({ memory }: SignalContext): Promise<Heard | undefined> {
  const kept = await memory.read();
  const read = kept === undefined ? undefined : heardSchema.safeParse(kept);
  return read?.data;
}

/**
 * Listens for Alertmanager until the context is aborted. What it says is on the disk before it is told so: otherwise it
 * says it again.
 */
export async function listenForAlerts(listening: Listening, context: SignalContext): Promise<void> {
  const { server, signal, clock, memory, log } = context;
  let writing: Promise<unknown> = Promise.resolve();
  const take = (body: unknown): Promise<HttpReply> => {
    const read = notification.safeParse(body);
    if (!read.success) {
      const [issue] = read.error.issues;
      const where = issue?.path.join(".") ?? "";
      return Promise.resolve(
        reply(400, `not a notification of Alertmanager: ${where} ${issue?.message ?? ""}`),
      );
    }
    const kept = writing.then(async () => {
      const heard = hear(await remembered(context), read.data, clock.now(), listening.heartbeat);
      await memory.write(JSON.parse(JSON.stringify(heard)));
      return reply(200, "heard");
    });
    writing = kept.catch(() => {});
    return kept;
  };
  const onCall = async ({ method, path, headers, body }: HttpCall): Promise<HttpReply> => {
    if (listening.bearer !== undefined && !shows(listening.bearer, headers["authorization"])) {
      log(`a call without the right token was refused (${method} ${path.slice(0, 100)})`);
      return reply(401, "the bearer token is missing or wrong");
    }
    if (path !== listening.path) return reply(404, "no such path");
    if (method !== "POST") return reply(405, "only POST");
    try {
      return await take(JSON.parse(body));
    } catch (error) {
      if (error instanceof SyntaxError) return reply(400, "the body is no JSON");
      log(
        `what Alertmanager said could not be kept: ${error instanceof Error ? error.message : String(error)}`,
      );
      return reply(500, "could not be kept; say it again");
    }
  };
  const { close } = await server.listen({ host: listening.host, port: listening.port, onCall });
  if (signal.aborted) await close();
  else signal.addEventListener("abort", () => void close(), { once: true });
}
