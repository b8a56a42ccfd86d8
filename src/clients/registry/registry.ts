import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { HttpRequest, HttpResponse } from "../../core/ports.js";
import type { Repository } from "./image-name.js";

/** https://github.com/opencontainers/distribution-spec, as one user. */
export interface Registry {
  /** Whether the repository has what the tag or digest names, and under which digest. */
  digest(reference: string): Promise<string | undefined>;
  /** Gives what has the digest another tag. Rejects with NOT_FOUND where there is no such thing. */
  tag(digest: string, tag: string): Promise<void>;
  /** Takes the tag away, and nothing else. */
  untag(tag: string): Promise<void>;
}

export interface RegistryLogin {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Without TLS. Registries of this machine are always spoken to so, as Docker does. */
  readonly plain?: boolean | undefined;
}

type Context = Pick<DriverContext, "http" | "signal">;

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const timeoutMs = 20_000;
const digestHeader = "docker-content-digest";

export function registry(place: Repository, login: RegistryLogin, { http, signal }: Context): Registry {
  const host = place.host === "docker.io" ? "registry-1.docker.io" : place.host;
  const local = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
  const base = `${login.plain === true || local ? "http" : "https"}://${host}`;
  const shown = `${place.host}/${place.path}`;
  const basic =
    login.user === undefined
      ? undefined
      : `Basic ${Buffer.from(`${login.user}:${login.password ?? ""}`).toString("base64")}`;
  let authorization = basic;

  /** Who signs in here does not show that to another server, to which an upload may be sent. */
  const once = (request: Pick<HttpRequest, "url" | "method" | "headers" | "body">): Promise<HttpResponse> => {
    const own = new URL(request.url).origin === new URL(base).origin;
    const signed = own && authorization !== undefined ? { authorization } : {};
    return http.request({
      ...request,
      ...{ timeoutMs, signal, followRedirects: 3 },
      headers: { ...request.headers, ...signed },
    });
  };
  const ask = async (
    method: string,
    path: string,
    more: Pick<HttpRequest, "headers" | "body"> = {},
  ): Promise<HttpResponse> => {
    const url = path.startsWith("http") ? path : `${base}/v2/${place.path}/${path}`;
    const answer = await once({ ...more, url, method });
    if (answer.status !== 401) return answer;
    const challenge = answer.headers["www-authenticate"] ?? "";
    if (!/^bearer /i.test(challenge)) return answer;
    authorization = await bearer(challenge);
    return once({ ...more, url, method });
  };
  /** A token for this repository, from the server that the registry names. */
  const bearer = async (challenge: string): Promise<string | undefined> => {
    const words = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    const url = new URL(words["realm"] ?? base);
    if (words["service"] !== undefined) url.searchParams.set("service", words["service"]);
    url.searchParams.set("scope", `repository:${place.path}:pull,push,delete`);
    const headers: Record<string, string> = basic === undefined ? {} : { authorization: basic };
    const answer = await http.request({ url: url.href, headers, timeoutMs, signal });
    if (answer.status !== 200) throw refused("signing in", answer);
    const token = tokenOf(answer.body);
    if (token === undefined) throw refused("signing in, which gave no token", answer);
    return `Bearer ${token}`;
  };
  const refused = (what: string, { status, body }: HttpResponse): BackoutError => {
    const denied = status === 401 || status === 403;
    const code = denied ? "DENIED" : status === 404 ? "NOT_FOUND" : status >= 500 ? "UNREACHABLE" : "REFUSED";
    return new BackoutError(code, `${shown}: ${what}: the registry answered ${status}: ${wordsOf(body)}`, {
      effect: status >= 500 ? "unknown" : "none",
    });
  };
  const put = async (what: string, tag: string, body: string, type: string): Promise<HttpResponse> => {
    const answer = await ask("PUT", `manifests/${tag}`, { headers: { "content-type": type }, body });
    if (answer.status >= 300) throw refused(what, answer);
    return answer;
  };

  return {
    async digest(reference) {
      const answer = await ask("HEAD", `manifests/${reference}`, { headers: { accept: manifestTypes } });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw refused(reference, answer);
      return answer.headers[digestHeader] ?? (reference.startsWith("sha256:") ? reference : undefined);
    },
    async tag(digest, tag) {
      const found = await ask("GET", `manifests/${digest}`, { headers: { accept: manifestTypes } });
      if (found.status !== 200) throw refused(digest, found);
      const type = found.headers["content-type"] ?? "application/vnd.oci.image.manifest.v1+json";
      const given = (await put(`tag ${tag}`, tag, found.body, type)).headers[digestHeader];
      if (given === undefined || given === digest) return;
      throw new BackoutError("CONFLICT", `${shown}: tag ${tag} became ${given}, and not ${digest}`, {
        effect: "applied",
      });
    },
    async untag(tag) {
      const answer = await ask("DELETE", `manifests/${tag}`);
      if (answer.status < 300 || answer.status === 404) return;
      // Many registries delete by digest alone, and with it every tag that it has.
      if (![400, 405].includes(answer.status)) throw refused(`tag ${tag}`, answer);
      await moveAway(tag);
    },
  };

  /** The tag is led to a manifest of nothing, which nobody else has, and goes with that. */
  async function moveAway(tag: string): Promise<void> {
    const what = `tag ${tag}`;
    const config = await upload(JSON.stringify({ removed: tag }));
    const type = "application/vnd.docker.distribution.manifest.v2+json";
    const body = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: type, layers: [] },
      config: { mediaType: "application/vnd.docker.container.image.v1+json", ...config },
    });
    const digest = (await put(what, tag, body, type)).headers[digestHeader];
    if (digest === undefined) return;
    const gone = await ask("DELETE", `manifests/${digest}`);
    if (gone.status >= 300 && gone.status !== 404) throw refused(`${what}, which leads to nothing now`, gone);
  }

  async function upload(body: string): Promise<{ digest: string; size: number }> {
    const { createHash } = await import("node:crypto");
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    const begun = await ask("POST", "blobs/uploads/");
    if (begun.status !== 202) throw refused("upload", begun);
    const url = new URL(begun.headers["location"] ?? "", base);
    url.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    const done = await ask("PUT", url.href, { headers, body });
    if (done.status !== 201) throw refused("upload", done);
    return { digest, size: Buffer.byteLength(body) };
  }
}

/** Its own words, where it says any. */
function wordsOf(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: { message?: string; code?: string }[] };
    const [first] = errors ?? [];
    return first?.message ?? first?.code ?? "";
  } catch {
    return body.slice(0, 200).trim();
  }
}

function tokenOf(body: string): string | undefined {
  try {
    const { token, access_token: other } = JSON.parse(body) as { token?: string; access_token?: string };
    return token ?? other;
  } catch {
    return undefined;
  }
}
