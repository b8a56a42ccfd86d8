export type Uses = Readonly<Record<string, readonly string[]>>;

/** Who uses whom, of every target of the playbook. */
export const usesOf = (playbook: {
  readonly targets: Readonly<Record<string, { readonly uses: readonly string[] }>>;
}): Uses => Object.fromEntries(Object.entries(playbook.targets).map(([name, target]) => [name, target.uses]));

/** The same graph, looked at from the other side. */
export function reverse(uses: Uses): Uses {
  const users: Record<string, string[]> = Object.fromEntries(Object.keys(uses).map((name) => [name, []]));
  for (const [user, used] of Object.entries(uses)) for (const name of used) users[name]?.push(user);
  return users;
}

/** Everything that can be reached from these in one step or more. */
export function reachable(from: readonly string[], graph: Uses): Set<string> {
  const found = new Set<string>();
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const next of graph[name] ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}
