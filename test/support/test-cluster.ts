export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

export type LimitedUser = "reader" | "nobody";

/** A real Kubernetes that tests may use: theirs, or one that a contributor has given them. */
export interface TestCluster {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly server: string;
  /** On the namespaces that are made: by whom. */
  readonly mark: string;
  /** Users without any right, until they are bound to a role: token by name. */
  readonly tokens: Readonly<Record<LimitedUser, string>>;
  /** How a role is bound to them. */
  readonly subjects: Readonly<Record<LimitedUser, object>>;
  /** Asks the API server as its administrator. */
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** Nothing of the tests is left then. */
  stop(): Promise<void>;
}

/** The label of all namespaces that tests make. */
export const testLabel = "backout.dev/test";

/** Of those with this mark; says how many there are still. */
export async function deleteNamespaces(call: TestCluster["call"], mark: string): Promise<number> {
  const list = `/api/v1/namespaces?labelSelector=${encodeURIComponent(`${testLabel}=${mark}`)}`;
  const { status, body } = await call("GET", list);
  if (status !== 200) throw new Error(`GET ${list}: ${status}: ${body.slice(0, 500)}`);
  const { items } = JSON.parse(body) as {
    items: { metadata: { name: string; deletionTimestamp?: string } }[];
  };
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp === undefined) await call("DELETE", `/api/v1/namespaces/${metadata.name}`);
  }
  return items.length;
}
