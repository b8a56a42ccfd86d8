import * as z from "zod";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { ChosenContext, ExecEntry } from "./kubeconfig.js";

/** How a request is let in. Never logged, never in a message. */
export interface Credentials {
  readonly authorization?: string;
  readonly cert?: string;
  readonly key?: string;
}

const execCredential = z.object({
  kind: z.literal("ExecCredential"),
  status: z.object({
    token: z.string().nullish(),
    clientCertificateData: z.string().nullish(),
    clientKeyData: z.string().nullish(),
  }),
});

const denied = (message: string, hint: string): BackoutError =>
  new BackoutError("DENIED", message, { effect: "none", hint });

const decoded = (base64: string): string => Buffer.from(base64, "base64").toString();

export async function readCredentials(
  { from, user, userName, cluster }: ChosenContext,
  { host, signal }: Pick<DriverContext, "host" | "signal">,
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
  if (user.tokenFile !== undefined) return { ...pair, ...bearer((await text(user.tokenFile)).trim()) };
  if (user.token !== undefined) return { ...pair, ...bearer(user.token) };
  if (user.username !== undefined) {
    const words = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
    return { ...pair, authorization: `Basic ${words}` };
  }
  if (user.exec != null) return fromPlugin(user.exec, userName, cluster.server ?? "", { host, signal });
  return pair;
}

const bearer = (token: string): Credentials => (token === "" ? {} : { authorization: `Bearer ${token}` });

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
async function fromPlugin(
  exec: ExecEntry,
  userName: string,
  server: string,
  { host, signal }: Pick<DriverContext, "host" | "signal">,
): Promise<Credentials> {
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
  const { token, clientCertificateData: cert, clientKeyData: key } = answer.status;
  return { ...(cert && key ? { cert, key } : {}), ...bearer(token ?? "") };
}

function parsed(stdout: string): z.infer<typeof execCredential> | undefined {
  try {
    return execCredential.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}
