/**
 * Circles in a graph, each as the names along it: `["a", "b"]` for a → b → a. Every circle has at least one of its
 * members reported; overlapping ones show up once the first is mended. Linear, and not recursive.
 */
export function cycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const reported = new Set<string>();
  for (const start of edges.keys()) {
    if (done.has(start)) continue;
    const way = [{ name: start, next: 0 }];
    const depth = new Map([[start, 0]]);
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      const child = edges.get(top.name)?.[top.next++];
      if (child === undefined) {
        done.add(top.name);
        depth.delete(top.name);
        way.pop();
        continue;
      }
      const back = depth.get(child);
      if (back !== undefined) {
        if (!reported.has(child)) found.push(way.slice(back).map(({ name }) => name));
        for (const { name } of way.slice(back)) reported.add(name);
      } else if (!done.has(child)) {
        depth.set(child, way.length);
        way.push({ name: child, next: 0 });
      }
    }
  }
  return found;
}
