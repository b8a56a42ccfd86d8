import { describe, expect, test } from "vitest";
import type { Kubernetes } from "../../clients/kubernetes/connect.js";
import type { ClusterNode } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { Check } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Data } from "./capture.js";
import { nodeImageChecks } from "./node-images.js";
import type { Piece } from "./piece.js";

const digest = `sha256:${"1".repeat(64)}`;
const image = "ghcr.io/shop/api:v41";

const node = (name: string, images: readonly (readonly string[])[], unschedulable = false): ClusterNode => ({
  metadata: { name },
  spec: { unschedulable },
  status: { images: images.map((names) => ({ names })) },
});
const has = (name: string, unschedulable = false) =>
  node(name, [[`ghcr.io/shop/api@${digest}`]], unschedulable);
const lacks = (name: string) => node(name, [["ghcr.io/other:1"]]);

/** A cluster that has these nodes, two of a list at a time. */
function clusterOf(nodes: readonly ClusterNode[] | undefined, pods: readonly object[]): Reader {
  const api = {
    user: "ci",
    json: async ({ path, query }: { path: string; query: Record<string, string> }) => {
      if (path.endsWith("/pods")) return { metadata: {}, items: pods };
      if (nodes === undefined) throw new BackoutError("DENIED", "forbidden");
      const from = Number(query["continue"] ?? 0);
      const more = from + 2 < nodes.length ? { continue: String(from + 2) } : {};
      return { metadata: more, items: nodes.slice(from, from + 2) };
    },
  };
  return reader(api as unknown as Kubernetes);
}

interface More {
  readonly policy?: string;
  readonly held?: readonly Check[];
  readonly pods?: readonly object[];
}

function judge(
  nodes: readonly ClusterNode[] | undefined,
  { policy = "IfNotPresent", held = [], pods = [] }: More = {},
) {
  const containers = [{ name: "app", image, imagePullPolicy: policy }];
  const content = { spec: { template: { spec: { containers } } } };
  const piece: Piece = { kind: "Deployment", name: "api", labels: {}, content };
  const workloads = { "Deployment/api": { uid: "1", revision: "1", pods: 1, images: { app: digest } } };
  const data: Data = { ...{ cluster: "c", namespace: "shop", digests: {}, secrets: [] }, workloads };
  return nodeImageChecks(clusterOf(nodes, pods), [piece], data, held);
}

const name = `${image}: a node has the image`;

describe("images on nodes, as proofs tell them", () => {
  test("on some of them: a pass that names the others", async () => {
    const many = Array.from({ length: 6 }, (_, n) => lacks(`n${n}`));
    const nodes = [has("one"), ...many, node("full", []), has("closed", true)];
    expect(await judge(nodes)).toEqual({
      checks: [
        {
          ...{ name, expected: digest, result: "passed" },
          actual: "on one; not on n0, n1, n2, n3, n4 and 1 more; not known of full",
        },
      ],
      unknown: [],
    });
  });

  test("on none: a failure only where it is never pulled and every node has told all", async () => {
    const failed = { name, expected: digest, result: "failed" };
    const actual = "none has, and its imagePullPolicy is Never";
    expect(await judge([lacks("one")], { policy: "Never" })).toEqual({
      checks: [{ ...failed, actual }],
      unknown: [],
    });
    expect(await judge([lacks("one"), node("two", [])], { policy: "Never" })).toEqual({
      checks: [],
      unknown: [`whether ${image} is there: two does not tell what it has`],
    });
    expect((await judge([lacks("one")])).unknown).toEqual([
      `whether ${image} is there: no node has it; its registry is asked only with \`pin\`, of what that has held`,
    ]);
    expect((await judge([])).unknown).toEqual([
      `whether ${image} is there: there is no node that takes pods`,
    ]);
  });

  test("where nodes may not be listed, only those are known that run it", async () => {
    const pods = [
      {
        metadata: { name: "api-1" },
        spec: { nodeName: "one", containers: [{ name: "app", image }] },
        status: {
          containerStatuses: [{ name: "app", imageID: `docker-pullable://ghcr.io/shop/api@${digest}` }],
        },
      },
    ];
    const unknown = [
      'which nodes have the images, besides those that run them now: user "ci" may not list nodes',
    ];
    const check = { name, expected: digest, result: "passed", actual: "on one" };
    expect(await judge(undefined, { pods })).toEqual({ checks: [check], unknown });
    expect(await judge(undefined, { policy: "Never" })).toEqual({ checks: [], unknown });
    // Nor does it take the node's word to know what runs on it.
    expect((await judge([lacks("one")], { pods })).checks).toEqual([check]);
  });

  test("nodes are not asked for what a registry has", async () => {
    const held: Check = { name: "registry", result: "passed", actual: digest };
    expect(await judge([lacks("one")], { held: [held] })).toEqual({ checks: [], unknown: [] });
    expect((await judge([has("one")], { held: [{ ...held, result: "failed" }] })).checks).toHaveLength(1);
  });
});
