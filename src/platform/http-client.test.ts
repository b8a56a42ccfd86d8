import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createPlainServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { httpClient } from "./http-client.js";

const http = httpClient();
const open: Server[] = [];
afterEach(() => Promise.all(open.splice(0).map((server) => new Promise((done) => server.close(done)))));

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}
const serve = async (listener: RequestListener) => `http://127.0.0.1:${await listen(createServer(listener))}`;

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

const echo: RequestListener = (request, response) => {
  void bodyOf(request).then((body) => {
    response.writeHead(200, { "x-two": ["a", "b"] });
    response.end(
      JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }),
    );
  });
};

describe("answers", () => {
  test("H43 any status is an answer", async () => {
    const url = await serve((_, response) => response.writeHead(503).end("down"));
    const answer = await http.request({ url, timeoutMs: 5_000 });
    expect(answer).toMatchObject({ status: 503, body: "down" });
    expect(answer.ms).toBeGreaterThan(0);
  });

  test("method, headers and body arrive; headers come back in lower case", async () => {
    const url = await serve(echo);
    const headers = { "X-Key": "v", Host: "app.example" };
    const answer = await http.request({
      url: `${url}/a?b=c`,
      method: "put",
      headers,
      body: "é",
      timeoutMs: 5_000,
    });
    expect(JSON.parse(answer.body)).toMatchObject({
      method: "PUT",
      url: "/a?b=c",
      body: "é",
      headers: { "x-key": "v", host: "app.example", connection: "close" },
    });
    expect(answer.headers["x-two"]).toBe("a, b");
  });

  test("user and password of the URL become a header", async () => {
    const url = (await serve(echo)).replace("//", "//al%40ce:p%3Aw@");
    const answer = await http.request({ url, timeoutMs: 5_000 });
    const { authorization } = JSON.parse(answer.body).headers;
    expect(Buffer.from(authorization.slice(6), "base64").toString()).toBe("al@ce:p:w");
  });

  test("only the first 1 MiB of a body is read", async () => {
    const url = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(2 ** 16)));
      };
      response.on("drain", more);
      more();
    });
    const answer = await http.request({ url, timeoutMs: 10_000 });
    expect(answer.body.length).toBe(2 ** 20);
  });

  test("a server that closes kept connections fails no probe", async () => {
    const server = createServer({ keepAliveTimeout: 1 }, (_, response) => response.end("ok"));
    const url = `http://127.0.0.1:${await listen(server)}`;
    let connections = 0;
    server.on("connection", () => connections++);
    for (let i = 0; i < 20; i++) expect((await http.request({ url, timeoutMs: 5_000 })).status).toBe(200);
    expect(connections).toBe(20);
  });
});

describe("redirects", () => {
  const hops: RequestListener = (request, response) => {
    const hop = Number(request.url?.slice(1));
    if (hop === 0) return echo(request, response);
    response.writeHead(302, { location: `/${hop - 1}` }).end();
  };

  test.each([
    [undefined, 302],
    [2, 302],
    [3, 200],
  ])("followed at most as often as asked: %s → %i", async (followRedirects, status) => {
    const url = `${await serve(hops)}/3`;
    const more = followRedirects === undefined ? {} : { followRedirects };
    expect((await http.request({ url, timeoutMs: 5_000, ...more })).status).toBe(status);
  });

  test("credentials are not carried to another origin, and a POST becomes a GET", async () => {
    const other = await serve(echo);
    const url = await serve((_, response) => response.writeHead(302, { location: `${other}/x` }).end());
    const headers = { Authorization: "Bearer t", Cookie: "c=1", "X-Plain": "1" };
    const answer = await http.request({
      url,
      method: "POST",
      headers,
      body: "b",
      timeoutMs: 5_000,
      followRedirects: 1,
    });
    const seen = JSON.parse(answer.body);
    expect(seen).toMatchObject({ method: "GET", body: "", headers: { "x-plain": "1" } });
    expect(Object.keys(seen.headers)).not.toContain("authorization");
    expect(Object.keys(seen.headers)).not.toContain("cookie");
  });
});

const secretUrl = (url: string) => `${url.replace("//", "//alice:pass-w0rd@")}/path?token=t0ken`;

async function failure(url: string, timeoutMs = 5_000) {
  const headers = { Authorization: "Bearer h3ader" };
  const error = await http.request({ url: secretUrl(url), headers, timeoutMs }).catch((caught) => caught);
  expect(error.message).not.toMatch(/pass-w0rd|t0ken|h3ader/);
  return error;
}

describe("errors name the URL without its secrets, and the cause in plain words", () => {
  test("nothing listens", async () => {
    const port = await listen(createPlainServer());
    await new Promise((done) => open.splice(0)[0]?.close(done));
    expect(await failure(`http://127.0.0.1:${port}`)).toMatchObject({
      code: "UNREACHABLE",
      effect: "none",
      message: `http://127.0.0.1:${port}/path?…: connection refused: nothing listens there (ECONNREFUSED)`,
    });
  });

  test("a name that does not exist", async () => {
    const error = await failure("http://no-such-host.invalid");
    expect(error).toMatchObject({ code: "UNREACHABLE", effect: "none" });
    expect(error.message).toContain("DNS");
  });

  test("closed without an answer", async () => {
    const port = await listen(createPlainServer((socket) => socket.once("data", () => socket.destroy())));
    expect(await failure(`http://127.0.0.1:${port}`)).toMatchObject({
      code: "UNREACHABLE",
      effect: "unknown",
      message: expect.stringContaining("closed before the answer was complete"),
    });
  });

  test("cut in the middle of the body is no whole answer", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    expect(await failure(url)).toMatchObject({ code: "UNREACHABLE" });
  });

  test("not HTTP", async () => {
    const port = await listen(createPlainServer((socket) => socket.resume().end("220 mail ready\r\n")));
    expect((await failure(`http://127.0.0.1:${port}`)).message).toContain("does not speak HTTP");
  });

  test("TLS: self-signed, and a port without TLS", async () => {
    const folder = await mkdtemp(join(tmpdir(), "backout-tls-"));
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", [...kind, "-keyout", key, "-out", cert, "-subj", "/CN=localhost"], {
      stdio: "ignore",
    });
    const server = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, echo);
    const port = await listen(server);
    await rm(folder, { recursive: true });
    const untrusted = await failure(`https://127.0.0.1:${port}`);
    expect(untrusted).toMatchObject({ code: "UNREACHABLE", effect: "none" });
    expect(untrusted.message).toContain("TLS: the certificate's issuer is not trusted here");
    const plain = await failure((await serve(echo)).replace("http:", "https:"));
    expect(plain.message).toContain("does not speak TLS");
  });

  test.each(["before the answer", "within the body"])("no complete answer in time: %s", async (when) => {
    const url = await serve((_, response) => {
      if (when === "within the body") response.writeHead(200).write("half");
    });
    const server = open.at(-1);
    const error = await failure(url, 100);
    expect(error).toMatchObject({ code: "TIMEOUT", effect: "unknown" });
    expect(error.message).toBe(`${url}/path?…: no complete answer within 100 ms`);
    expect(server?.listening).toBe(true);
  });

  test.each(["not a url", "ftp://host/x"])("not a URL for HTTP: %s", async (url) => {
    await expect(http.request({ url, timeoutMs: 100 })).rejects.toMatchObject({
      code: "UNREACHABLE",
      effect: "none",
    });
  });

  test("abort rejects with its reason", async () => {
    const url = await serve(() => undefined);
    const controller = new AbortController();
    const reason = new Error("cancelled");
    setTimeout(() => controller.abort(reason), 50);
    await expect(http.request({ url, timeoutMs: 5_000, signal: controller.signal })).rejects.toBe(reason);
  });
});
