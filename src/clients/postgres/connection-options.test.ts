import { describe, expect, test } from "vitest";
import * as z from "zod";
import {
  connectionShape,
  databaseClaim,
  refineConnection,
  serverOf,
  shownServer,
} from "./connection-options.js";

const schema = z.strictObject(connectionShape).superRefine(refineConnection);

describe("connection options", () => {
  test("a URL says everything, a password beside it goes before", () => {
    const url = "postgresql://app%40x:p%40ss@db.example:6432/my%20shop?sslmode=verify-full";
    const server = serverOf({ url });
    expect(server).toEqual({
      ...{ host: "db.example", port: 6432, user: "app@x", password: "p@ss", database: "my shop" },
      ...{ tls: "verify", ca: undefined },
    });
    expect(serverOf({ url, password: "other", tls: "require" })).toMatchObject({
      password: "other",
      tls: "require",
    });
    expect(shownServer(server)).toBe("postgres://app@x@db.example:6432/my shop");
  });

  test("a folder of sockets and an IPv6 address are hosts", () => {
    expect(serverOf({ url: "postgres://app@/shop?host=/run/postgresql" })).toMatchObject({
      host: "/run/postgresql",
      database: "shop",
    });
    expect(serverOf({ url: "postgres://app@[::1]:5433/shop" })).toMatchObject({ host: "::1", port: 5433 });
  });

  test.each([
    ["postgres://app@db", "url: names no database"],
    ["postgres://db/shop", "url: names no user"],
    ["postgres://app@db/shop?sslmode=maybe", 'url: "sslmode=…" is not understood'],
    ["mysql://app@db/shop", "url: is no URL of a database"],
  ])("%s is refused, without its password in the message", (url, fact) => {
    expect(() => serverOf({ url })).toThrow(fact);
    expect(() => serverOf({ url: url.replace("app@", "app:geheim@") })).not.toThrow(/geheim/);
  });

  test("either the URL or its parts", () => {
    const messages = (options: object) =>
      schema.safeParse(options).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    expect(messages({ url: "${env:URL}", password: "${file:/p}" })).toBeUndefined();
    expect(messages({ user: "app", database: "shop" })).toBeUndefined();
    expect(messages({ host: "db" })).toEqual([
      "user: missing: name `user`, or the whole `url`",
      "database: missing: name `database`, or the whole `url`",
    ]);
    expect(messages({ url: "postgres://a@b/c", port: 5432 })).toEqual([
      "port: stands beside `url`, which has it already: remove one of them",
    ]);
    expect(messages({ url: "http://db" })).toEqual(["url: a URL begins with postgres:// or postgresql://"]);
  });

  test("one database has one claim, however its server is written, and none has a password in it", () => {
    const claim = "postgres:127.0.0.1:5432/shop";
    expect(databaseClaim({ user: "app", database: "shop", password: "geheim" })).toBe(claim);
    expect(databaseClaim({ url: "postgres://other:geheim@127.0.0.1/shop" })).toBe(claim);
    expect(databaseClaim({ url: "postgres://app:${env:PW}@db/shop" })).toBe("postgres:postgres://db/shop");
    expect(databaseClaim({ url: "${env:DATABASE_URL}" })).toBe("postgres:${env:DATABASE_URL}");
  });
});
