import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { ArtifactReader } from "../../core/ports.js";
import { digestOf, type Found, look } from "./look.js";
import { type Options, wantedOf } from "./options.js";

export const artifactName = "objects.json";

/** One that must be there afterwards. */
export type Kept = Pick<Found, "object" | "digest" | "create" | "bytes"> & {
  /** How many others cannot be without it: whoever has more of them is made first. */
  readonly dependents: number;
};

export type Data = {
  /** In the options' order; what is in `made` is not among them. */
  readonly objects: readonly Omit<Kept, "create">[];
  /** Names of those that must not be there. */
  readonly absent: readonly string[];
};

/** Identity of a set of objects: which are there, valid, and made by what. */
export const identityOf = (found: readonly Pick<Found, "object" | "digest" | "state">[]): string =>
  digestOf(found.map(({ object, digest, state }) => [object, state, digest]));

export async function capture(options: Options, context: CaptureContext): Promise<Captured<Data>> {
  const wanted = wantedOf(options);
  const found = await withConnection(serverOf(options), context, async (connection) => {
    const all: Found[] = [];
    for (const { object } of wanted) {
      context.progress(`reading ${object.shown}`);
      all.push(await look(object, connection));
    }
    return all;
  });
  const wrong = wanted.flatMap(({ list }, index) => {
    const { state, object } = found[index] as Found;
    if (list === "made") return state === "absent" ? [] : [`${object} is there already`];
    return state === "there" ? [] : [`${object} is ${state}`];
  });
  if (wrong.length > 0) {
    throw new BackoutError(
      "REFUSED",
      `${context.name}: this is no state to come back to: ${wrong.join(", ")}`,
      {
        effect: "none",
        hint: "capture before the change; under `made` stands what it makes, under `dropped` what it drops or alters",
      },
    );
  }
  const kept = found
    .filter(({ state }) => state === "there")
    .map(({ object, digest, create, bytes, dependents }) => ({
      ...{ object, digest, create, bytes },
      dependents: dependents.length,
    }));
  await context.artifacts.write(artifactName, JSON.stringify(kept, undefined, 2));
  return {
    identity: identityOf(found),
    summary: `${kept.length} objects, ${found.length - kept.length} absent`,
    data: {
      objects: kept.map(({ create: _create, ...known }) => known),
      absent: found.filter(({ state }) => state === "absent").map(({ object }) => object),
    },
  };
}

export async function keptObjects(artifacts: ArtifactReader): Promise<Kept[]> {
  return JSON.parse(Buffer.from(await artifacts.read(artifactName)).toString()) as Kept[];
}
