import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { CapturedPart, Check, Observation, ObserveContext } from "../../core/driver.js";
import { type Data, identityOf } from "./capture.js";
import { type Found, look } from "./look.js";
import { type Options, wantedOf } from "./options.js";

export type Seen = { readonly objects: readonly Omit<Found, "create">[] };

async function lookAtAll(options: Options, context: ObserveContext): Promise<Found[]> {
  return withConnection(serverOf(options), context, async (connection) => {
    const all: Found[] = [];
    for (const { object } of wantedOf(options)) {
      const { oids: _oids, ...found } = await look(object, connection);
      all.push(found);
    }
    return all;
  });
}

export async function observe(options: Options, context: ObserveContext): Promise<Observation<Seen>> {
  const found = await lookAtAll(options, context);
  const number = (state: Found["state"]): number => found.filter((one) => one.state === state).length;
  const invalid = number("invalid");
  return {
    identity: identityOf(found),
    summary: `${number("there")} objects, ${number("absent")} absent${invalid === 0 ? "" : `, ${invalid} invalid`}`,
    data: { objects: found.map(({ create: _create, ...known }) => known) },
  };
}

/** Every object, not a sample. */
export async function verify(
  captured: CapturedPart<Data>,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const found = await lookAtAll(options, context);
  return found.map(({ object, state, digest }): Check => {
    const kept = captured.data.objects.find((one) => one.object === object);
    const expected = kept === undefined ? "does not exist" : "as captured";
    const actual =
      state === "absent"
        ? "does not exist"
        : state === "invalid"
          ? "invalid"
          : digest === kept?.digest
            ? "as captured"
            : kept === undefined
              ? "exists"
              : "made differently";
    return { name: object, result: actual === expected ? "passed" : "failed", expected, actual };
  });
}
