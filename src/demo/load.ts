import http from "node:http";
import type { AcknowledgedOrder } from "./shop-database.js";
import { seeded } from "./shop-database.js";

/** One in so many places an order; the others read one. */
const writeEvery = 4;
const patienceMs = 10_000;

export interface Answered {
  /** When it was sent, milliseconds since the epoch. */
  readonly at: number;
  readonly ms: number;
  /** 0 where no answer came. */
  readonly status: number;
}

export const failed = ({ status }: Answered): boolean => status < 200 || status > 299;

export interface Load {
  readonly answers: readonly Answered[];
  readonly acknowledged: readonly AcknowledgedOrder[];
  /** Orders of which nobody but the shop knows whether they were placed. */
  readonly unanswered: readonly AcknowledgedOrder[];
  /** No new requests; resolves once the last has been answered. */
  stop(): Promise<void>;
}

function send(port: number, method: string, path: string, body?: object): Promise<number> {
  return new Promise((done) => {
    const headers = { "content-type": "application/json" };
    const request = http.request({ host: "127.0.0.1", port, method, path, agent: false, headers });
    request.setTimeout(patienceMs, () => request.destroy());
    request.once("response", (response) => {
      response.resume();
      response.once("close", () => done(response.complete ? (response.statusCode ?? 0) : 0));
    });
    request.once("error", () => done(0));
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/**
 * Customers: they come at a steady rate whether or not the shop answers, each on a connection of their own, and
 * remember every order that was acknowledged.
 */
export function startLoad(
  port: number,
  there: { readonly customers: number; readonly orders: number } = seeded,
  requestsPerSecond = 80,
): Load {
  const answers: Answered[] = [];
  const acknowledged: AcknowledgedOrder[] = [];
  const unanswered: AcknowledgedOrder[] = [];
  const open = new Set<Promise<void>>();
  let count = 0;

  async function visit(number: number): Promise<void> {
    const at = Date.now();
    const items = ["pot", "lid"].map((article) => ({ article, cents: 100 + (number % 400) }));
    const order = { reference: `load-${number}`, customer: 1 + (number % there.customers), items };
    const writes = number % writeEvery === 0;
    const status = writes
      ? await send(port, "POST", "/orders", order)
      : await send(port, "GET", `/orders/${1 + ((number * 7) % there.orders)}`);
    answers.push({ at, ms: Date.now() - at, status });
    const placed = { reference: order.reference, items: items.length };
    if (writes && status === 201) acknowledged.push(placed);
    if (writes && status === 0) unanswered.push(placed);
  }

  const begun = Date.now();
  const timer = setInterval(() => {
    const due = ((Date.now() - begun) * requestsPerSecond) / 1_000;
    for (; count < due; count++) {
      const visited: Promise<void> = visit(count).finally(() => open.delete(visited));
      open.add(visited);
    }
  }, 10);
  return {
    answers,
    acknowledged,
    unanswered,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}
