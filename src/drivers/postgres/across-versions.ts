import type { Content } from "./captured-database.js";

type Comparable = Pick<Content, "objects" | "grants">;

/** What PostgreSQL writes down in words of its own, which change with its version: the same view reads differently. */
const rewritten = /^(view|materialized view|rule|function|procedure) /;

/** A privilege since version 17, which owners have by themselves, and others by GRANT ALL. */
const maintain = / ?(?:"(?:[^"]|"")+"|[^ "]+)=MAINTAIN\*?/g;

const withoutMaintain = (grants: Content["grants"]): Content["grants"] =>
  Object.fromEntries(
    Object.entries(grants).map(([name, text]) => [
      name,
      name.startsWith("default for ")
        ? text.replaceAll(/(=[a-zA-Z*]*?)m\*?(?=[a-zA-Z*]*\/)/g, "$1")
        : text.replaceAll(maintain, ""),
    ]),
  );

export interface Versions {
  readonly then: number;
  readonly now: number;
}

/**
 * Captured from a server of another version, restored into this one: what only the version makes different is left out of both, so
 * that all else can be compared. Definitions that PostgreSQL words anew are then compared by their presence.
 */
export function acrossVersions<Then extends Comparable, Now extends Comparable>(
  then: Then,
  now: Now,
  versions: Versions,
): [then: Then, now: Now] {
  if (versions.then === versions.now) return [then, now];
  const objects = Object.fromEntries(
    Object.entries(then.objects).map(([name, digest]) => [
      name,
      rewritten.test(name) ? (now.objects[name] ?? digest) : digest,
    ]),
  );
  return [
    { ...then, objects, grants: withoutMaintain(then.grants) },
    { ...now, grants: withoutMaintain(now.grants) },
  ];
}
