import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadAll } from "js-yaml";

export interface DocumentedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The objects in `docs/kubernetes.md`, in their order, with other names for the namespaces. */
export function documentedObjects(namespaces: Readonly<Record<string, string>>): DocumentedObject[] {
  const path = fileURLToPath(new URL("../../docs/kubernetes.md", import.meta.url));
  const blocks = [...readFileSync(path, "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)];
  const text = blocks.map(([, block]) => block).join("---\n");
  const renamed = text.replaceAll(
    /\bnamespace: ([\w-]+)/g,
    (_, name: string) => `namespace: ${namespaces[name] ?? name}`,
  );
  return loadAll(renamed) as DocumentedObject[];
}
