import * as z from "zod";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type Credentials, heldUntilExpiry, type Issued, type SignIn } from "./held-credentials.js";
import type { ChosenContext, ExecEntry } from "./kubeconfig.js";

const execCredential = z.object({
  kind: z.literal("ExecCredential"),
  status: z.object({
    token: z.string().nullish(),
    clientCertificateData: z.string().nullish(),
    clientKeyData: z.string().nullish(),
    expirationTimestamp: z.string().nullish(),
  }),
});

const denied = (message: string, hint: string): BackoutError =>
  new BackoutError("DENIED", message, { effect: "none", hint });

const decoded = (base64: string): string => Buffer.from(base64, "base64").toString();

type Context = Pick<DriverContext, "host" | "signal" | "clock">;

/** By a plugin, or by what stands in the kubeconfig. */
export async function signIn(chosen: ChosenContext, context: Context): Promise<SignIn> {
  const { user, userName, cluster } = chosen;
  const { exec } = user;
  if (exec == null || goesBefore(user)) {
    const credentials = await readCredentials(chosen, context);
    const { tokenFile } = user;
    if (tokenFile === undefined) return { now: async () => credentials, refused: () => false };
    // Whoever wrote it replaces it well before it ends: what is in it counts, whenever that is asked for.
    const now = async () => ({ ...credentials, ...bearer(await tokenIn(tokenFile, context)) });
    return { now, refused: () => true };
  }
  const server = cluster.server ?? "";
  const key = JSON.stringify([context.host.name, server, userName, exec]);
  return heldUntilExpiry(key, () => fromPlugin(exec, userName, server, context), context.clock);
}

const goesBefore = (user: ChosenContext["user"]): boolean =>
  (user["auth-provider"] ?? user.tokenFile ?? user.token ?? user.username) != null;

async function readCredentials(
  { from, user, userName }: ChosenContext,
  { host }: Pick<Context, "host">,
): Promise<Credentials> {
  const text = async (path: string) => Buffer.from(await host.files.read(path)).toString();
  const pem = async (data: string | undefined, path: string | undefined) => {
    if (data !== undefined) return decoded(data);
    return path === undefined ? undefined : text(path);
  };
  if (user["auth-provider"] != null) {
    throw denied(
      `${from}: user "${userName}" signs in by auth-provider "${user["auth-provider"].name}", which Kubernetes has given up`,
      "use an exec plugin, a token or a client certificate",
    );
  }
  const cert = await pem(user["client-certificate-data"], user["client-certificate"]);
  const key = await pem(user["client-key-data"], user["client-key"]);
  const pair = cert === undefined || key === undefined ? {} : { cert, key };
  if (user.tokenFile !== undefined) return pair;
  if (user.token !== undefined) return { ...pair, ...bearer(user.token) };
  if (user.username !== undefined) {
    const words = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
    return { ...pair, authorization: `Basic ${words}` };
  }
  return pair;
}

async function tokenIn(path: string, { host }: Pick<Context, "host">): Promise<string> {
  const token = Buffer.from(await host.files.read(path))
    .toString()
    .trim();
  if (token !== "") return token;
  throw denied(`${path}: holds no token`, "whoever writes it has to write it again");
}

const bearer = (token: string): Credentials => (token === "" ? {} : { authorization: `Bearer ${token}` });

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
async function fromPlugin(
  exec: ExecEntry,
  userName: string,
  server: string,
  { host, signal }: Pick<Context, "host" | "signal">,
): Promise<Issued> {
  const apiVersion = exec.apiVersion ?? "client.authentication.k8s.io/v1";
  const info = exec.provideClusterInfo === true ? { cluster: { server } } : {};
  const asked = { apiVersion, kind: "ExecCredential", spec: { interactive: false, ...info } };
  const hint = exec.installHint ?? `run \`${exec.command}\` by hand: it may want you to sign in again`;
  const { exitCode, stdout, stderr } = await host.exec({
    argv: [exec.command, ...(exec.args ?? [])],
    env: {
      ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(asked),
    },
    timeoutMs: 30_000,
    signal,
  });
  if (exitCode !== 0) {
    const why = stderr.trim().split("\n").at(-1) ?? "";
    throw denied(`user "${userName}": its plugin "${exec.command}" ended with ${exitCode}: ${why}`, hint);
  }
  const answer = parsed(stdout);
  if (answer === undefined) {
    throw denied(`user "${userName}": its plugin "${exec.command}" gave no ExecCredential`, hint);
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = answer.status;
  const expires = Date.parse(expirationTimestamp ?? "");
  return {
    credentials: { ...(cert && key ? { cert, key } : {}), ...bearer(token ?? "") },
    expires: Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires,
  };
}

function parsed(stdout: string): z.infer<typeof execCredential> | undefined {
  try {
    return execCredential.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}
