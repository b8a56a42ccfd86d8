import { isCode } from "../../clients/kubernetes/api-error.js";
import type { ClusterNode, Pod, PodTemplate } from "../../clients/kubernetes/objects.js";
import { everyPage, type Reader } from "../../clients/kubernetes/read.js";
import type { Check, Proof } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import type { Data } from "./capture.js";
import { type NodeImages, type Presence, presenceOn, type WantedImage } from "./image-presence.js";
import { keyOf, type Piece } from "./piece.js";
import { digestsOf } from "./pod-state.js";

type Found = Required<Pick<Proof, "checks" | "unknown">>;

/** So many nodes are named. */
const mostNamed = 5;

/**
 * Whether nodes have the images that were captured, as far as they tell and as pods run there: for those that no registry
 * was found to have. Nodes are in no namespace: who may not list them is told that it is not known.
 */
export async function nodeImageChecks(
  read: Reader,
  workloads: readonly Piece[],
  data: Data,
  registryChecks: readonly Check[],
): Promise<Found> {
  const held = new Set(registryChecks.flatMap(({ result, actual }) => (result === "passed" ? actual : [])));
  const wanted = wantedImages(workloads, data).filter(({ digest }) => !held.has(digest));
  if (wanted.length === 0) return { checks: [], unknown: [] };
  try {
    const [pods, told] = await Promise.all([read.list<Pod>("Pod"), nodesOf(read)]);
    const found = wanted.map((one) => judged(one, withRunning(told.nodes, pods)));
    return {
      checks: found.flatMap(({ checks }) => checks),
      unknown: told.denied === undefined ? found.flatMap(({ unknown }) => unknown) : [told.denied],
    };
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    const check: Check = { name: "images of the nodes", result: "error", message: error.message };
    return { checks: [check], unknown: [] };
  }
}

/** Undefined where they may not be listed, and why. */
async function nodesOf(read: Reader): Promise<{ nodes?: readonly ClusterNode[]; denied?: string }> {
  try {
    return { nodes: await everyPage<ClusterNode>(read.api, "/api/v1/nodes") };
  } catch (error) {
    if (!isCode(error, "DENIED")) throw error;
    return {
      denied: `which nodes have the images, besides those that run them now: user "${read.api.user}" may not list nodes`,
    };
  }
}

/** Those that take pods; where no node may be looked at, those that are known by their pods. */
function withRunning(nodes: readonly ClusterNode[] | undefined, pods: readonly Pod[]): NodeImages[] {
  const running = new Map<string, string[]>();
  for (const pod of pods) {
    const { nodeName, containers } = pod.spec;
    if (nodeName === undefined) continue;
    const digests = digestsOf(pod);
    const names = containers.flatMap(({ name, image }) =>
      digests[name] === undefined ? [] : [`${image.replace(/@.*$/, "")}@${digests[name]}`],
    );
    running.set(nodeName, [...(running.get(nodeName) ?? []), ...names]);
  }
  const open =
    nodes?.filter(({ spec }) => spec?.unschedulable !== true).map(imagesOf) ??
    [...running.keys()].map((node) => ({ node, images: [] }));
  return open.map((one) => ({ ...one, running: running.get(one.node) ?? [] }));
}

function wantedImages(workloads: readonly Piece[], { workloads: captured }: Data): WantedImage[] {
  const all = workloads.flatMap((piece) => {
    const template = (piece.content["spec"] as JsonObject)["template"] as unknown as PodTemplate;
    const digests = captured[keyOf(piece)]?.images ?? {};
    return template.spec.containers.map(
      ({ name, image, imagePullPolicy }): WantedImage => ({
        ...{ image, digest: digests[name], neverPulled: imagePullPolicy === "Never" },
      }),
    );
  });
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}

const imagesOf = ({ metadata, status }: ClusterNode): Omit<NodeImages, "running"> => ({
  node: metadata.name,
  images: (status?.images ?? []).map(({ names }) => names ?? []),
});

function judged(wanted: WantedImage, nodes: readonly NodeImages[]): Found {
  const all = nodes.map((one) => ({ node: one.node, ...presenceOn(one, wanted) }));
  const named = (state: Presence["state"]): string[] =>
    all.filter((one) => one.state === state).map(({ node }) => node);
  const [there, absent] = [named("there"), named("not there")];
  const why = all.flatMap((one) => (one.state === "unknown" ? one.why : []));
  const { image, digest = "no digest is known, since nothing ran", neverPulled } = wanted;
  const common = { name: `${image}: a node has the image`, expected: digest };
  if (there.length > 0) {
    const rest = [
      ...(absent.length === 0 ? [] : [`not on ${listed(absent)}`]),
      ...(why.length === 0 ? [] : [`not known of ${listed(named("unknown"))}`]),
    ];
    const actual = [`on ${listed(there)}`, ...rest].join("; ");
    return { checks: [{ ...common, result: "passed", actual }], unknown: [] };
  }
  if (neverPulled && all.length > 0 && why.length === 0) {
    const actual = "none has, and its imagePullPolicy is Never";
    return { checks: [{ ...common, result: "failed", actual }], unknown: [] };
  }
  const absence =
    all.length === 0
      ? ["there is no node that takes pods"]
      : ["no node has it; its registry is asked only with `pin`, of what that has held"];
  return { checks: [], unknown: [`whether ${image} is there: ${listed(why.length > 0 ? why : absence)}`] };
}

const listed = (names: readonly string[]): string =>
  names.length <= mostNamed
    ? names.join(", ")
    : `${names.slice(0, mostNamed).join(", ")} and ${names.length - mostNamed} more`;
