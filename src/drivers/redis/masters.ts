import { BackoutError } from "../../core/errors.js";
import { type Connected, connect } from "./connect.js";
import { infoOf, parseInfo } from "./info.js";
import type { Options } from "./options.js";
import { type Place, placeOf } from "./place.js";
import { redisError } from "./redis-error.js";

const allSlots = 16_384;

/** The server, or every master of its cluster; all of them are connected before `use` begins. */
export async function withMasters<T>(
  { url, cluster }: Options,
  use: (masters: readonly Connected[]) => Promise<T>,
): Promise<T> {
  const first = await connect(url);
  const open: Connected[] = [first];
  try {
    if (!cluster) {
      if ((await infoOf(first.redis, "cluster"))["cluster_enabled"] === "1") throw notSingle(first.place);
      return await use(open);
    }
    const masters: Connected[] = [];
    for (const { host, port } of await mastersOf(first)) {
      const master = await connect(urlOf(placeOf(url), host, port));
      open.push(master);
      masters.push(master);
    }
    return await use(masters);
  } catch (error) {
    throw redisError(error, first.place.shown);
  } finally {
    for (const { redis } of open) redis.disconnect();
  }
}

const notSingle = ({ shown }: Place): BackoutError =>
  new BackoutError("REFUSED", `${shown}: is a node of a cluster`, {
    effect: "none",
    hint: "set `cluster: true`, so that every master is asked",
  });

async function mastersOf({ redis, place }: Connected): Promise<{ host: string; port: number }[]> {
  const { shown } = place;
  const info = parseInfo(String(await redis.call("CLUSTER", "INFO")));
  const lines = String(await redis.call("CLUSTER", "NODES"))
    .split("\n")
    .filter(Boolean);
  const nodes = lines.map((line) => {
    const [, address = "", flags = "", , , , , , ...slots] = line.split(" ");
    const [, host = "", port = ""] = /^(.*):(\d+)@/.exec(address) ?? [];
    return { host: host === "" ? place.host : host, port: Number(port), flags: flags.split(","), slots };
  });
  const masters = nodes.filter(({ flags, slots }) => flags.includes("master") && slots.length > 0);
  const down = masters.find(({ flags }) => flags.includes("fail"));
  if (down !== undefined) {
    throw new BackoutError("UNREACHABLE", `${shown}: the cluster's node ${down.host}:${down.port} is down`, {
      effect: "none",
      hint: "bring it back or fail over; nothing is flushed in a part of a cluster only",
    });
  }
  if (info["cluster_state"] !== "ok" || Number(info["cluster_slots_ok"]) !== allSlots) {
    throw new BackoutError(
      "UNREACHABLE",
      `${shown}: the cluster's state is "${info["cluster_state"]}", ${info["cluster_slots_ok"]} of ${allSlots} slots are served`,
      { effect: "none", hint: "`redis-cli --cluster check` shows what is missing" },
    );
  }
  return masters;
}

function urlOf({ user, password, tls }: Place, host: string, port: number): string {
  const login =
    password === undefined ? "" : `${encodeURIComponent(user ?? "")}:${encodeURIComponent(password)}@`;
  const name = host.includes(":") ? `[${host}]` : host;
  return `${tls ? "rediss" : "redis"}://${login}${name}:${port}`;
}
