import type { Redis } from "ioredis";
import { BackoutError } from "../../core/errors.js";
import { type Place, placeOf } from "./place.js";
import { redisError } from "./redis-error.js";

export type Connection = Redis;

export interface Connected {
  readonly redis: Connection;
  readonly place: Place;
}

const connectMs = 5000;

/** Never reconnects by itself: what was lost on the way is for the engine to judge. */
async function open(where: object, shown: string): Promise<Connection> {
  const { Redis } = await import("ioredis");
  const redis = new Redis({
    ...where,
    lazyConnect: true,
    connectTimeout: connectMs,
    retryStrategy: () => null,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    protocol: 2,
  });
  let last: unknown;
  redis.on("error", (error: unknown) => {
    last = error;
  });
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw redisError(last ?? error, shown);
  }
}

/** Logged in, at the URL's database or another one, and answering PONG: an error is no answer. */
export async function connect(url: string, database?: number): Promise<Connected> {
  const place = placeOf(url);
  const { shown, host, port, user, password, tls } = place;
  const redis = await open({ host, port, ...(tls ? { tls: { servername: host } } : {}) }, shown);
  try {
    if (password !== undefined) {
      await redis.call("AUTH", ...(user === undefined ? [password] : [user, password]));
    }
    const chosen = database ?? place.database;
    if (chosen !== 0) await redis.select(chosen);
    const answer = await redis.call("PING");
    if (answer === "PONG") return { redis, place };
    throw new BackoutError("UNREACHABLE", `${shown}: answered "${String(answer)}" to PING`, {
      effect: "none",
    });
  } catch (error) {
    redis.disconnect();
    throw redisError(error, shown);
  }
}

/** To a server of our own. */
export const connectSocket = (path: string): Promise<Connection> => open({ path }, path);

/** Connected for the time of `use`; errors are in the project's words. */
export async function withRedis<T>(url: string, use: (connected: Connected) => Promise<T>): Promise<T> {
  const connected = await connect(url);
  try {
    return await use(connected);
  } catch (error) {
    throw redisError(error, connected.place.shown);
  } finally {
    connected.redis.disconnect();
  }
}
