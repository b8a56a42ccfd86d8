import { repositoryOf } from "../../clients/registry/image-name.js";

/** An image as a checkpoint has it. */
export interface WantedImage {
  /** As it stands in the template: `ghcr.io/shop/api:v41`. */
  readonly image: string;
  /** As it ran; undefined where nothing did. */
  readonly digest: string | undefined;
  /** It has to be there: it is not pulled. */
  readonly neverPulled: boolean;
}

/** What a node tells: of each image its digests and tags, those of the largest images first. */
export interface NodeImages {
  readonly node: string;
  readonly images: readonly (readonly string[])[];
  /** `ghcr.io/shop/api:v41@sha256:…` of what runs there: known before the node tells, which takes it up to a minute. */
  readonly running: readonly string[];
}

/** `unknown`: a phrase that says why. */
export type Presence = { readonly state: "there" | "not there" } | { readonly state: "unknown"; why: string };

/** A kubelet tells of so many images and names, unless it was told otherwise (`--node-status-max-images`). */
const mostImages = 50;
const mostNames = 5;

/** Whether a node has exactly this image. A tag alone is not enough: it may lead elsewhere by now. */
export function presenceOn(
  { node, images, running }: NodeImages,
  { image, digest }: Pick<WantedImage, "image" | "digest">,
): Presence {
  const wanted = partsOf(image);
  const listed = images.map((names) => names.map(partsOf));
  const own = listed.map((names) => names.filter(({ repository }) => repository === wanted.repository));
  const known = [...own.flat(), ...running.map(partsOf)];
  const same = known.some((one) => one.digest === digest && one.repository === wanted.repository);
  if (digest !== undefined && same) return { state: "there" };
  const tagged = own.find((names) => names.some(({ tag }) => tag !== undefined && tag === wanted.tag));
  if (tagged !== undefined && (digest === undefined || tagged.every((one) => one.digest === undefined))) {
    return { state: "unknown", why: `${node} has that tag, and does not tell its digest` };
  }
  if (images.length === 0) return { state: "unknown", why: `${node} does not tell what it has` };
  if (images.length >= mostImages || images.some((names) => names.length >= mostNames)) {
    return { state: "unknown", why: `${node} tells of ${images.length} images, which need not be all` };
  }
  return { state: "not there" };
}

interface Parts {
  /** With its host. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

function partsOf(name: string): Parts {
  const [place = "", digest] = name.split("@");
  const { host, path } = repositoryOf(name);
  const tag = /:([^:/]+)$/.exec(place)?.[1] ?? (digest === undefined ? "latest" : undefined);
  return { repository: `${host}/${path}`, tag, digest };
}
