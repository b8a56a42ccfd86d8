import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../../test/support/free-port.js";
import { httpClient } from "../../platform/http-client.js";
import { repositoryOf } from "./image-name.js";
import { registry } from "./registry.js";

const digest = `sha256:${"a".repeat(64)}`;
let server: Server;
let host = "";
/** What was asked, and with which word. */
const asked: string[] = [];

/** Lets in whoever brings a token from its own token server, which knows one user. */
beforeAll(async () => {
  const port = await freePort();
  host = `127.0.0.1:${port}`;
  const user = `Basic ${Buffer.from("ci:word").toString("base64")}`;
  server = createServer(({ method, url = "", headers: { authorization } }, response) => {
    asked.push(`${method} ${url} ${authorization ?? "nobody"}`);
    if (url.startsWith("/token")) {
      response.statusCode = authorization === user ? 200 : 401;
      const garbage = url.includes("broken");
      return void response.end(garbage ? "<html>" : JSON.stringify({ token: "short-lived" }));
    }
    response.statusCode = authorization === "Bearer short-lived" ? 200 : 401;
    response.setHeader("www-authenticate", `Bearer realm="http://${host}/token",service="here"`);
    response.setHeader("docker-content-digest", digest);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const context = { http: httpClient(), signal: new AbortController().signal };

test("a registry that has its tokens from elsewhere: one is fetched for the repository, and used from then on", async () => {
  const there = registry({ host, path: "shop/api" }, { user: "ci", password: "word" }, context);
  expect(await there.digest("v1")).toBe(digest);
  expect(await there.digest(digest)).toBe(digest);
  expect(asked.map((line) => line.replace(/Basic \S+/, "Basic"))).toEqual([
    "HEAD /v2/shop/api/manifests/v1 Basic",
    "GET /token?service=here&scope=repository%3Ashop%2Fapi%3Apull%2Cpush%2Cdelete Basic",
    "HEAD /v2/shop/api/manifests/v1 Bearer short-lived",
    `HEAD /v2/shop/api/manifests/${digest} Bearer short-lived`,
  ]);
  const stranger = registry({ host, path: "shop/api" }, {}, context);
  await expect(stranger.digest("v1")).rejects.toMatchObject({
    code: "DENIED",
    message: `${host}/shop/api: signing in: the registry answered 401: `,
  });
});

test("a token server that answers garbage is told as that", async () => {
  const there = registry({ host, path: "shop/broken" }, { user: "ci", password: "word" }, context);
  await expect(there.digest("v1")).rejects.toMatchObject({
    message: `${host}/shop/broken: signing in, which gave no token: the registry answered 200: <html>`,
  });
});

describe("where an image lies", () => {
  test.each([
    ["app:v1", "docker.io", "library/app"],
    ["shop/app@sha256:abc", "docker.io", "shop/app"],
    ["ghcr.io/Shop/app:v1@sha256:abc", "ghcr.io", "Shop/app"],
    ["127.0.0.1:5000/app", "127.0.0.1:5000", "app"],
    ["localhost/team/app:v1", "localhost", "team/app"],
  ])("%s", (image, at, path) => {
    expect(repositoryOf(image)).toEqual({ host: at, path });
  });
});
