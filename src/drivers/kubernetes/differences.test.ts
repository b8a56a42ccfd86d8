import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../core/json.js";
import { compare, keeping, keepMatches } from "./differences.js";
import type { Piece } from "./piece.js";

const piece = (content: JsonObject, kind: Piece["kind"] = "Deployment", name = "api"): Piece => ({
  ...{ kind, name, content },
  labels: {},
});

const container = (more: JsonObject): JsonObject => ({
  spec: {
    template: {
      spec: {
        containers: [
          { name: "side", image: "s" },
          { name: "app", ...more },
        ],
      },
    },
  },
});

const probe = (path: string): JsonObject => ({ readinessProbe: { httpGet: { path } } });

describe("compare", () => {
  test("field by field, list members by name", () => {
    const changes = compare(
      { "Deployment/api": piece(container({ image: "v1", ...probe("/a") })) },
      { "Deployment/api": piece(container({ image: "v2", ...probe("/a") })) },
    );
    expect(changes).toEqual([
      {
        object: "Deployment/api",
        path: "/spec/template/spec/containers/app/image",
        captured: '"v1"',
        now: '"v2"',
      },
    ]);
  });

  test("H73 values of variables, arguments and Secrets are hidden, yet seen to differ", () => {
    const env = (value: string) => container({ env: [{ name: "PASSWORD", value }], args: [`--p=${value}`] });
    const changes = compare(
      {
        "Deployment/api": piece(env("hunter2")),
        "Secret/s": piece({ data: { key: "aHVudGVyMg==" } }, "Secret", "s"),
      },
      {
        "Deployment/api": piece(env("hunter3")),
        "Secret/s": piece({ data: { key: "aHVudGVyMw==" } }, "Secret", "s"),
      },
    );
    expect(changes.map(({ path }) => path)).toEqual([
      "/spec/template/spec/containers/app/args/0",
      "/spec/template/spec/containers/app/env/PASSWORD/value",
      "/data/key",
    ]);
    expect(JSON.stringify(changes)).not.toMatch(/hunter|aHVud/);
    for (const { captured } of changes) expect(captured).toMatch(/^hidden/);
  });

  test("what is gone, what came, and lists that became empty", () => {
    const changes = compare(
      {
        "ConfigMap/c": piece({ data: { a: "1" } }, "ConfigMap", "c"),
        "Service/s": piece({ l: [] }, "Service", "s"),
      },
      { "Service/s": piece({ l: [1] }, "Service", "s"), "ConfigMap/new": piece({}, "ConfigMap", "new") },
    );
    expect(changes).toEqual([
      { object: "ConfigMap/c", path: "", captured: "as captured", now: "nothing" },
      { object: "Service/s", path: "/l/0", captured: "nothing", now: "1" },
    ]);
  });
});

describe("keep", () => {
  const path = "/spec/template/spec/containers/app/readinessProbe";

  test.each([
    [path, "Deployment/api", `${path}/httpGet/path`, true],
    [path, "Deployment/api", `${path}2`, false],
    [path, "ConfigMap/api", path, false],
    ["ConfigMap/c/data/KEY", "ConfigMap/c", "/data/KEY", true],
    ["ConfigMap/c/data/KEY", "ConfigMap/d", "/data/KEY", false],
    ["ConfigMap/c", "ConfigMap/c", "/data/KEY", true],
  ])("M15 %s against %s %s: %s", (keep, object, at, matches) => {
    expect(keepMatches(keep, { object, path: at })).toBe(matches);
  });

  test("M15 H06 the corrected probe stays, everything else goes back", () => {
    const then = container({ image: "v1", ...probe("/health") });
    const now = container({ image: "v2", ...probe("/api/health") });
    expect(keeping(then, now, [path])).toEqual(container({ image: "v1", ...probe("/api/health") }));
  });

  test("what was added stays added, what was taken away stays away", () => {
    const env = (...names: string[]) => container({ env: names.map((name) => ({ name, value: "x" })) });
    const at = (name: string) => `/spec/template/spec/containers/app/env/${name}`;
    expect(keeping(env("A"), env("A", "B"), [at("B")])).toEqual(env("A", "B"));
    expect(keeping(env("A", "B"), env("A"), [at("B")])).toEqual(env("A"));
    expect(keeping(container({}), env("B"), [at("B")])).toEqual(env("B"));
    expect(keeping(env("A"), container({}), ["/spec/no/such/place"])).toEqual(env("A"));
  });
});
