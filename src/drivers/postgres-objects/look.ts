import { createHash } from "node:crypto";
import type { Connection } from "../../clients/postgres/connection.js";
import { type Definition, relationDefinition, routineDefinition, routineOid } from "./definitions.js";
import { catalogueOf, type Dependent, dependentsOf } from "./dependents.js";
import { jobsNamed, scheduling } from "./jobs.js";
import type { ObjectName } from "./object-name.js";

/** An object as it is now. */
export type Found = {
  readonly object: string;
  readonly state: "absent" | "there" | "invalid";
  /** Of what makes it, empty where it is absent. */
  readonly digest: string;
  readonly create: readonly string[];
  readonly bytes: number;
  /** All that cannot be without it, however far. */
  readonly dependents: readonly Dependent[];
  /** As in `Dependent`; empty for jobs and what is absent. */
  readonly id: string;
  readonly bound: string | null;
};

export interface Looked extends Found {
  /** For locks; absent for jobs and what is not there. */
  readonly oids?: Pick<Definition, "oid" | "table">;
}

const absent = {
  state: "absent",
  digest: "",
  create: [],
  bytes: 0,
  dependents: [],
  id: "",
  bound: null,
} as const;

export const digestOf = (value: unknown): string =>
  `sha256:${createHash("sha256").update(JSON.stringify(value)).digest("hex")}`;

async function definitionOf(object: ObjectName, connection: Connection): Promise<Definition | undefined> {
  const { kind } = object;
  if (kind === "function" || kind === "job") {
    const oid = await routineOid(object, connection);
    return oid === undefined
      ? undefined
      : named(connection, () => routineDefinition(object, oid, connection));
  }
  return named(connection, () => relationDefinition({ ...object, kind }, connection));
}

/** With all names of the definition qualified, whatever the role's search path is. */
async function named<Result>(connection: Connection, read: () => Promise<Result>): Promise<Result> {
  await connection.run("set search_path = pg_catalog");
  try {
    return await read();
  } finally {
    await connection.run("reset search_path").catch(() => {});
  }
}

export async function look(object: ObjectName, connection: Connection): Promise<Looked> {
  const known = { object: object.shown };
  if (object.kind === "job") {
    const jobs = await jobsNamed(object.name, connection);
    if (jobs.length === 0) return { ...known, ...absent };
    const create = jobs.map((job) => scheduling(object.name, job));
    return { ...known, ...absent, state: "there", digest: digestOf(create), create };
  }
  const found = await definitionOf(object, connection);
  if (found === undefined) return { ...known, ...absent };
  const { create, valid, bytes, oid, table } = found;
  const dependents = await named(connection, () => dependentsOf(object, oid, connection));
  return {
    ...known,
    ...{ state: valid ? "there" : "invalid", digest: digestOf(create), create, bytes, dependents },
    id: `${catalogueOf(object)}/${oid}`,
    bound: found.bound ?? null,
    oids: { oid, table },
  };
}
