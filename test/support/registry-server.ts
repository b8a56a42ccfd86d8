import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { type ServerProcess, serverProcess } from "./server-process.js";

/** Who alone is let in. */
export const registryUser = { user: "ci", password: "word-of-ci" };
const asFile = "ci:$2y$04$29Hbn7mFe1xGif/bFxNOj.mw3msKU1veoBgJB1w8OIYpdslq.6pPy\n";

/** A real registry of images, on this machine alone. */
export interface RegistryServer {
  /** `127.0.0.1:20500`, as it stands in an image's name. */
  readonly host: string;
  /** Status and digest of what a tag or digest names. */
  look(repository: string, reference: string): Promise<{ status: number; digest: string | null }>;
  tags(repository: string): Promise<string[]>;
  /** As its owner does by hand. */
  remove(repository: string, digest: string): Promise<void>;
  stop(): Promise<void>;
}

const types = "application/vnd.docker.distribution.manifest.v2+json";

export async function registryServer(): Promise<RegistryServer> {
  const folder = await mkdtemp(join(tmpdir(), "backout-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(folder, "images") }, delete: { enabled: true } },
    http: { addr: host },
    auth: { htpasswd: { realm: "tests", path: join(folder, "users") } },
  };
  await writeFile(join(folder, "users"), asFile);
  const { user, password } = registryUser;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  await writeFile(join(folder, "config.yml"), JSON.stringify(config));
  const ask = (path: string, method = "GET") =>
    fetch(`http://${host}/v2/${path}`, { method, headers: { accept: types, authorization } });
  let server: ServerProcess | undefined;
  try {
    server = await serverProcess({
      program: "docker-registry",
      args: ["serve", join(folder, "config.yml")],
      cwd: folder,
      ready: () => ask(""),
      package: "docker-registry",
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    host,
    look: async (repository, reference) => {
      const { status, headers } = await ask(`${repository}/manifests/${reference}`, "HEAD");
      return { status, digest: headers.get("docker-content-digest") };
    },
    tags: async (repository) => {
      const answer = await ask(`${repository}/tags/list`);
      const { tags } = (await answer.json()) as { tags?: string[] | null };
      return (tags ?? []).toSorted();
    },
    remove: async (repository, digest) => {
      const { status } = await ask(`${repository}/manifests/${digest}`, "DELETE");
      if (status >= 300) throw new Error(`${digest} could not be removed: ${status}`);
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
