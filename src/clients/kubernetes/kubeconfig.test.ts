import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BackoutError } from "../../core/errors.js";
import { localHost } from "../../platform/local-host.js";
import { type ClusterOptions, chooseContext, parseKubeconfig } from "./kubeconfig.js";

const one = `
apiVersion: v1
kind: Config
current-context: staging
clusters:
  - { name: a, cluster: { server: "https://a:6443", certificate-authority: ca.crt } }
users:
  - { name: me, user: { tokenFile: /run/token } }
contexts:
  - { name: staging, context: { cluster: a, user: me, namespace: shop } }
  - { name: lost, context: { cluster: nowhere } }
`;
const two = `
current-context: production
clusters: [{ name: a, cluster: { server: "https://other:6443" } }, { name: b, cluster: { server: "https://b" } }]
contexts: [{ name: production, context: { cluster: b } }]
`;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "backout-kubeconfig-"));
  await writeFile(join(folder, "one"), one);
  await writeFile(join(folder, "two"), two);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const choose = (options: ClusterOptions, env: Record<string, string> = {}) => {
  const host = localHost({ baseDir: folder, redact: (text) => text });
  return chooseContext(options, { host, name: "api" }, env);
};

describe("which cluster", () => {
  test("the current context of the file that is named; its paths go from its folder", async () => {
    expect(await choose({ kubeconfig: join(folder, "one") })).toMatchObject({
      ...{ name: "staging", namespace: "shop", userName: "me", user: { tokenFile: "/run/token" } },
      cluster: { server: "https://a:6443", "certificate-authority": join(folder, "ca.crt") },
    });
  });

  test("of several files the first that has a name wins", async () => {
    const env = { KUBECONFIG: `${join(folder, "gone")}:${join(folder, "one")}:${join(folder, "two")}` };
    expect((await choose({}, env)).cluster.server).toBe("https://a:6443");
    const other = await choose({ context: "production", namespace: "mine" }, env);
    expect(other).toMatchObject({ cluster: { server: "https://b" }, namespace: "mine", userName: "" });
  });

  test.each<[name: string, options: ClusterOptions, env: Record<string, string>, says: RegExp]>([
    ["no file", {}, { KUBECONFIG: "/no/such/file" }, /^\/no\/such\/file: does not exist/],
    ["nothing named at all", {}, {}, /^kubeconfig: does not exist/],
    [
      "a pod without an account",
      {},
      { KUBERNETES_SERVICE_HOST: "10.96.0.1" },
      /serviceaccount\/token: does not exist, so this pod has no account/,
    ],
    ["no such context", { kubeconfig: "one", context: "x" }, {}, /there is no "x" among its contexts/],
    [
      "its cluster is lost",
      { kubeconfig: "one", context: "lost" },
      {},
      /there is no "nowhere" among its clusters/,
    ],
  ])("%s: said plainly, nothing assumed", async (_name, options, env, says) => {
    await expect(choose(options, env)).rejects.toThrow(says);
  });

  test("H73 what cannot be read is not quoted", () => {
    const said = (text: string): string => {
      try {
        parseKubeconfig("file", text);
        return "";
      } catch (error) {
        const { message, hint } = error as BackoutError;
        return `${message} ${hint}`;
      }
    };
    expect(said("token: [hunter2")).toMatch(/^file: is not YAML/);
    expect(said("users: [{ user: { token: hunter2 } }]")).toMatch(
      /^file: is not a kubeconfig: users\.0\.name/,
    );
    expect(said("token: [hunter2") + said("users: [{ user: { token: hunter2 } }]")).not.toContain("hunter2");
  });
});
