import * as z from "zod";
import { BackoutError } from "../../core/errors.js";

const tlsModes = ["disable", "prefer", "require", "verify"] as const;
type TlsMode = (typeof tlsModes)[number];

/** As in a playbook; secret references may stand in any text until the engine resolves them. */
export interface ConnectionOptions {
  readonly url?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
  readonly tls?: TlsMode | undefined;
  readonly ca?: string | undefined;
}

/** Spread into a driver's own strict object, which then calls `refineConnection`. */
export const connectionShape = {
  url: z
    .string()
    .regex(/^(postgres(ql)?:\/\/|\$\{)/, "a URL begins with postgres:// or postgresql://")
    .optional()
    .describe("postgres://user:password@host:5432/database, best as a secret reference; or the parts below"),
  host: z.string().min(1).optional().describe("Name, address, or folder of the socket. Default: 127.0.0.1"),
  port: z.int().min(1).max(65_535).optional().describe("Default: 5432"),
  user: z.string().min(1).optional().describe("Role that connects"),
  password: z
    .string()
    .min(1)
    .optional()
    .describe("A secret reference: `${env:X}` or `${file:path}`; may stand beside `url`"),
  database: z.string().min(1).optional().describe("Name of the database"),
  tls: z
    .enum(tlsModes)
    .optional()
    .describe(
      "`verify` also checks the server's certificate and name. Default: prefer, as in the URL's sslmode",
    ),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe("File with the certificate authority's certificate, for `tls: verify`"),
};

/** For `superRefine` of the driver's object: either the URL or the parts. */
export function refineConnection(options: ConnectionOptions, context: z.RefinementCtx): void {
  const issue = (path: string, message: string): void =>
    context.addIssue({ code: "custom", path: [path], message });
  if (options.url === undefined) {
    for (const key of ["user", "database"] as const) {
      if (options[key] === undefined) issue(key, `missing: name \`${key}\`, or the whole \`url\``);
    }
    return;
  }
  for (const key of ["host", "port", "user", "database"] as const) {
    if (options[key] !== undefined)
      issue(key, `stands beside \`url\`, which has it already: remove one of them`);
  }
}

/** Whom to connect to, with the secrets resolved. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: TlsMode;
  readonly ca: string | undefined;
}

const urlModes: Readonly<Record<string, TlsMode>> = {
  disable: "disable",
  allow: "prefer",
  prefer: "prefer",
  require: "require",
  "verify-ca": "verify",
  "verify-full": "verify",
};

/** Takes the options apart; refuses a URL that cannot be one. Messages have no password in them. */
export function serverOf(options: ConnectionOptions): Server {
  const { url, ...parts } = options;
  const from = url === undefined ? parts : { ...partsOf(url), ...given(parts) };
  const { host = "127.0.0.1", port = 5432, user, password, database, tls = "prefer", ca } = from;
  if (user === undefined || database === undefined) {
    throw refused(`url: names no ${user === undefined ? "user" : "database"}`);
  }
  return { host, port, user, password, database, tls, ca };
}

/** The given members only: an absent `password` must not hide the one in the URL. */
const given = (parts: ConnectionOptions): ConnectionOptions =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));

function partsOf(text: string): ConnectionOptions {
  // A folder of sockets is no host that a URL could have: `postgres:///shop?host=/run/postgresql`.
  const bare = text.replace(/^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=[/?])/, "$1socket");
  if (!/^postgres(ql)?:\/\//.test(bare) || !URL.canParse(bare)) throw refused("url: is no URL of a database");
  const url = new URL(bare);
  const more: Record<string, string> = {};
  for (const [key, value] of url.searchParams) {
    const tls = key === "sslmode" ? urlModes[value] : undefined;
    if (key === "host") more["host"] = value;
    else if (key === "sslrootcert") more["ca"] = value;
    else if (tls !== undefined) more["tls"] = tls;
    else throw refused(`url: "${key}=…" is not understood`);
  }
  const decoded = (value: string): string | undefined =>
    value === "" ? undefined : decodeURIComponent(value);
  return {
    ...given({
      host: bare === text ? decoded(url.hostname.replace(/^\[|\]$/g, "")) : undefined,
      port: url.port === "" ? undefined : Number(url.port),
      user: decoded(url.username),
      password: decoded(url.password),
      database: decoded(url.pathname.slice(1)),
    }),
    ...more,
  };
}

const refused = (fact: string): BackoutError =>
  new BackoutError("REFUSED", fact, {
    effect: "none",
    hint: "postgres://user:password@host:5432/database, with %XX for what is special in a part",
  });

/** For messages and claims: no password. */
export const shownServer = ({ host, port, user, database }: Omit<Server, "password">): string =>
  `postgres://${user}@${host}:${port}/${database}`;

/** What a database is owned under (`claims`), from options whose secret references may be unresolved. Pure. */
export function databaseClaim(options: ConnectionOptions): string {
  if (options.url?.includes("${") === true) return `postgres:${options.url.replace(/\/\/.*@/, "//")}`;
  const { host, port, database } = serverOf(options);
  return `postgres:${host}:${port}/${database}`;
}

/** The server runs on the machine that connects to it, as far as its address tells. */
export const isHere = ({ host }: Server): boolean =>
  ["127.0.0.1", "::1", "localhost"].includes(host) || host.startsWith("/");
