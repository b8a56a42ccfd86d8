import { describe, expect, test } from "vitest";
import { type Presence, presenceOn, type WantedImage } from "./image-presence.js";

const digest = `sha256:${"1".repeat(64)}`;
const other = `sha256:${"2".repeat(64)}`;
const wanted: WantedImage = { image: "ghcr.io/shop/api:v41", digest, neverPulled: false };
const none = "<none>@<none>";
const more = (count: number) => Array.from({ length: count }, (_, n) => [`quay.io/other:${n}`]);

const cases: [name: string, image: Partial<WantedImage>, images: string[][], state: Presence["state"]][] = [
  ["its digest, under whatever tag", {}, [[`ghcr.io/shop/api@${digest}`, "ghcr.io/shop/api:v7"]], "there"],
  ["its digest among many", {}, [...more(60), [`ghcr.io/shop/api@${digest}`]], "there"],
  ["its tag, which leads to another by now", {}, [[`ghcr.io/shop/api@${other}`, wanted.image]], "not there"],
  ["the same content of another repository", {}, [[`ghcr.io/other/api@${digest}`]], "not there"],
  ["its tag without any digest", {}, [[none, wanted.image]], "unknown"],
  [
    "its tag, where nothing ran",
    { digest: undefined },
    [[`ghcr.io/shop/api@${other}`, wanted.image]],
    "unknown",
  ],
  ["others, and not as many as it may name", {}, more(49), "not there"],
  ["as many as it names", {}, more(50), "unknown"],
  ["an image with more names than it tells", {}, [["a:1", "a:2", "a:3", "a:4", "a:5"]], "unknown"],
  ["nothing", {}, [], "unknown"],
  ["Docker Hub's, by its long name", { image: "shop:v1" }, [[`docker.io/library/shop@${digest}`]], "there"],
  ["the tag that goes without saying", { image: "shop", digest: undefined }, [["shop:latest"]], "unknown"],
  ["a registry with a port", { image: "10.0.0.1:5000/shop" }, [[`10.0.0.1:5000/shop@${digest}`]], "there"],
];

describe("whether a node has an image", () => {
  test.each(cases)("%s", (_name, image, images, state) => {
    expect(presenceOn({ node: "one", images, running: [] }, { ...wanted, ...image }).state).toBe(state);
  });

  test("what runs there is there, though the node does not tell it yet, or has no digest of it", () => {
    const found = (running: string) =>
      presenceOn({ node: "one", images: [[none, wanted.image]], running: [running] }, wanted).state;
    expect(found(`${wanted.image}@${digest}`)).toBe("there");
    expect(found(`${wanted.image}@${other}`)).toBe("unknown");
    expect(found(`quay.io/shop/api:v41@${digest}`)).toBe("unknown");
  });

  test("says why it is not known", () => {
    const whyOf = (images: string[][]) => {
      const found = presenceOn({ node: "one", images, running: [] }, wanted);
      return found.state === "unknown" ? found.why : "";
    };
    expect(whyOf([])).toBe("one does not tell what it has");
    expect(whyOf(more(50))).toBe("one tells of 50 images, which need not be all");
    expect(whyOf([[wanted.image]])).toBe("one has that tag, and does not tell its digest");
  });
});
