import { load } from "js-yaml";
import * as z from "zod";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

/** What every driver of Kubernetes takes, to be spread into its options. */
export const clusterShape = {
  kubeconfig: z
    .string()
    .min(1)
    .optional()
    .describe("The kubeconfig file. Else those in $KUBECONFIG, ~/.kube/config, the pod's own account."),
  context: z.string().min(1).optional().describe("Which context of it. Else its current one."),
  namespace: z.string().min(1).optional().describe('Else the context\'s own, else "default".'),
};

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

const entries = z.array(z.looseObject({ name: z.string() })).nullish();

const kubeconfigFile = z.object({
  clusters: entries,
  users: entries,
  contexts: entries,
  "current-context": z.string().nullish(),
});

const clusterEntry = z.object({
  server: z.string().optional(),
  "certificate-authority": z.string().optional(),
  "certificate-authority-data": z.string().optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": z.string().optional(),
  "proxy-url": z.string().optional(),
});

const execEntry = z.object({
  command: z.string(),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  apiVersion: z.string().optional(),
  installHint: z.string().nullish(),
  provideClusterInfo: z.boolean().nullish(),
});

const userEntry = z.object({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  "client-certificate": z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key": z.string().optional(),
  "client-key-data": z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  exec: execEntry.nullish(),
  "auth-provider": z.object({ name: z.string() }).nullish(),
});

const contextEntry = z.object({
  cluster: z.string(),
  user: z.string().optional(),
  namespace: z.string().optional(),
});

export type ClusterEntry = z.infer<typeof clusterEntry>;
export type UserEntry = z.infer<typeof userEntry>;
export type ExecEntry = z.infer<typeof execEntry>;

/** One context of one kubeconfig, its paths made absolute. */
export interface ChosenContext {
  /** For messages: the file, or `this pod's account`. */
  readonly from: string;
  readonly name: string;
  readonly cluster: ClusterEntry;
  readonly userName: string;
  readonly user: UserEntry;
  readonly namespace: string;
}

type Where = Pick<DriverContext, "host" | "name">;

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

const wrong = (code: "NOT_FOUND" | "REFUSED", message: string, hint: string): BackoutError =>
  new BackoutError(code, message, { effect: "none", hint });

export async function chooseContext(
  options: ClusterOptions,
  { host }: Where,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ChosenContext> {
  const listed = options.kubeconfig ?? env["KUBECONFIG"];
  const home = env["HOME"] === undefined ? [] : [`${env["HOME"]}/.kube/config`];
  const wanted = listed === undefined || listed === "" ? home : listed.split(":").filter(Boolean);
  const paths = options.kubeconfig === undefined ? wanted : [options.kubeconfig];
  const there: string[] = [];
  for (const path of paths) if ((await host.files.stat(path)) !== undefined) there.push(path);
  if (there.length > 0) return fromFiles(there, options, { host });
  if (listed === undefined || listed === "") {
    const inCluster = await ownAccount(options, { host }, env);
    if (inCluster !== undefined) return inCluster;
  }
  throw wrong(
    "NOT_FOUND",
    `${paths.join(", ") || "kubeconfig"}: does not exist, so it is not known where the cluster is`,
    "name the file by `kubeconfig`, or set KUBECONFIG",
  );
}

/** The account that Kubernetes gives to each pod. */
async function ownAccount(
  options: ClusterOptions,
  { host }: Pick<Where, "host">,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ChosenContext | undefined> {
  const address = env["KUBERNETES_SERVICE_HOST"];
  if (address === undefined) return undefined;
  if ((await host.files.stat(`${accountFolder}/token`)) === undefined) {
    throw wrong(
      "NOT_FOUND",
      `${accountFolder}/token: does not exist, so this pod has no account to sign in with`,
      "`automountServiceAccountToken: true` and a `serviceAccountName` in its template, or a kubeconfig",
    );
  }
  const text = await host.files.read(`${accountFolder}/namespace`).catch(() => new Uint8Array());
  return {
    from: "this pod's account",
    name: "in-cluster",
    cluster: {
      server: `https://${address.includes(":") ? `[${address}]` : address}:${env["KUBERNETES_SERVICE_PORT"] ?? "443"}`,
      "certificate-authority": `${accountFolder}/ca.crt`,
    },
    userName: "this pod's account",
    user: { tokenFile: `${accountFolder}/token` },
    namespace: options.namespace ?? (Buffer.from(text).toString().trim() || "default"),
  };
}

/** Of several files the first that has a name wins, as with kubectl. */
async function fromFiles(
  paths: readonly string[],
  options: ClusterOptions,
  { host }: Pick<Where, "host">,
): Promise<ChosenContext> {
  const files = await Promise.all(
    paths.map(async (path) => parseKubeconfig(path, Buffer.from(await host.files.read(path)).toString())),
  );
  const name = options.context ?? files.map((file) => file.current).find(Boolean);
  const from = paths.join(", ");
  if (name === undefined) {
    throw wrong("NOT_FOUND", `${from}: has no current context`, "name one by `context`");
  }
  const pick = <T>(kind: "contexts" | "clusters" | "users", wanted: string, schema: z.ZodType<T>): T => {
    const path = files.findIndex((one) => one[kind].has(wanted));
    if (path < 0) {
      const known = files.flatMap((one) => [...one[kind].keys()]);
      throw wrong(
        "NOT_FOUND",
        `${from}: there is no "${wanted}" among its ${kind}`,
        `it has ${known.length === 0 ? "none" : known.map((one) => `"${one}"`).join(", ")}`,
      );
    }
    const parsed = schema.safeParse(files[path]?.[kind].get(wanted) ?? {});
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw wrong(
      "REFUSED",
      `${from}: "${wanted}" of its ${kind}: ${issue?.path.join(".")}: ${issue?.message}`,
      "`kubectl config view` shows it",
    );
  };
  const context = pick("contexts", name, contextEntry);
  const userName = context.user ?? "";
  return {
    ...{ from, name, userName },
    cluster: pick("clusters", context.cluster, clusterEntry),
    user: userName === "" ? {} : pick("users", userName, userEntry),
    namespace: options.namespace ?? context.namespace ?? "default",
  };
}

interface ParsedFile {
  readonly current: string | undefined;
  readonly clusters: ReadonlyMap<string, unknown>;
  readonly users: ReadonlyMap<string, unknown>;
  readonly contexts: ReadonlyMap<string, unknown>;
}

const pathKeys = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

export function parseKubeconfig(path: string, text: string): ParsedFile {
  const hint = "`kubectl config view` says whether it is a kubeconfig";
  let raw: unknown;
  try {
    raw = load(text);
  } catch {
    // The parser's own words quote the lines around the fault, which may hold a token.
    throw wrong("REFUSED", `${path}: is not YAML`, hint);
  }
  const parsed = kubeconfigFile.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong("REFUSED", `${path}: is not a kubeconfig: ${issue?.path.join(".")}: ${issue?.message}`, hint);
  }
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const byName = (list: z.infer<typeof entries>, key: string) =>
    new Map((list ?? []).map((one) => [one.name, absolute(one[key], folder)]));
  const { clusters, users, contexts } = parsed.data;
  return {
    current: parsed.data["current-context"] || undefined,
    clusters: byName(clusters, "cluster"),
    users: byName(users, "user"),
    contexts: byName(contexts, "context"),
  };
}

/** Paths in a kubeconfig are taken from the folder that it lies in. */
function absolute(entry: unknown, folder: string): unknown {
  if (typeof entry !== "object" || entry === null) return {};
  const changed = Object.entries(entry).map(([key, value]) =>
    pathKeys.includes(key) && typeof value === "string" && !value.startsWith("/")
      ? [key, `${folder}${value}`]
      : [key, value],
  );
  return Object.fromEntries(changed) as unknown;
}
