import { type Matcher, matcherOf } from "./glob.js";
import type { Options } from "./options.js";

/** Which keys come back, and which never do. Plain data: a checkpoint keeps its own. */
export type Scope = {
  readonly namespaces: readonly string[];
  readonly protect: readonly string[];
};

export const namespacesOf = ({ namespaces, flush, queues }: Options): readonly string[] =>
  namespaces ?? (flush.length === 0 && queues.length === 0 ? ["*"] : []);

const literal = (text: string): string => text.replace(/[\\*?[\]^-]/g, (char) => `\\${char}`);

export const quarantineName = (queue: string): string => `${queue}-quarantine`;

/** A queue's keys have an order and locks of their own, which no restored key may disturb. */
export const protectedBy = ({ protect, queues }: Options): readonly string[] => [
  ...protect,
  ...queues.flatMap(({ prefix, name }) =>
    [name, quarantineName(name)].map((one) => `${literal(prefix)}:${literal(one)}:*`),
  ),
];

export const scopeOf = (options: Options): Scope => ({
  namespaces: namespacesOf(options),
  protect: protectedBy(options),
});

/** Protection wins, always. */
export function wantedIn(scopes: readonly Scope[]): Matcher {
  const each = scopes.map(({ namespaces, protect }) => {
    const [inside, kept] = [matcherOf(namespaces), matcherOf(protect)];
    return (key: string): boolean => inside(key) && !kept(key);
  });
  return (key) => each.every((one) => one(key));
}

export const sameScope = (a: Scope, b: Scope): boolean =>
  a.namespaces.join("\n") === b.namespaces.join("\n") && a.protect.join("\n") === b.protect.join("\n");
