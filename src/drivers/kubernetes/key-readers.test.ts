import { expect, test } from "vitest";
import type { Container, PodTemplate } from "../../clients/kubernetes/objects.js";
import { keyReaders } from "./key-readers.js";

const pod = (more: Partial<Container>, volumes: PodTemplate["spec"]["volumes"] = []): PodTemplate => ({
  spec: { containers: [{ name: "app", image: "i", ...more }], volumes },
});
const readers = (template: PodTemplate) =>
  keyReaders(template, "settings", "MODE").map(({ variable, file }) => variable ?? file);

test("H48 every way in which a container gets one key of a ConfigMap", () => {
  const whole = { envFrom: [{ configMapRef: { name: "settings" } }] };
  expect(readers(pod(whole))).toEqual(["MODE"]);
  expect(readers(pod({ envFrom: [{ prefix: "APP_", configMapRef: { name: "settings" } }] }))).toEqual([
    "APP_MODE",
  ]);
  const named = (key: string) => [
    { name: "MY_MODE", valueFrom: { configMapKeyRef: { name: "settings", key } } },
  ];
  expect(readers(pod({ env: named("MODE") }))).toEqual(["MY_MODE"]);
  expect(readers(pod({ env: named("OTHER") }))).toEqual([]);
  expect(readers(pod({ ...whole, env: [{ name: "MODE", value: "of its own" }] }))).toEqual([]);

  const mounted = { volumeMounts: [{ name: "files", mountPath: "/etc/app/" }] };
  const files = (items?: { key: string; path: string }[]) => [
    { name: "files", configMap: { name: "settings", ...(items === undefined ? {} : { items }) } },
  ];
  expect(readers(pod(mounted, files()))).toEqual(["/etc/app/MODE"]);
  expect(readers(pod(mounted, files([{ key: "MODE", path: "mode.txt" }])))).toEqual(["/etc/app/mode.txt"]);
  expect(readers(pod(mounted, files([{ key: "OTHER", path: "other" }])))).toEqual([]);
  expect(readers(pod({}, files()))).toEqual([]);
  const single = { volumeMounts: [{ name: "files", mountPath: "/mode", subPath: "MODE" }] };
  expect(readers(pod(single, files()))).toEqual(["/mode"]);
  const projected = [{ name: "files", projected: { sources: [{ configMap: { name: "settings" } }] } }];
  expect(readers(pod(mounted, projected))).toEqual(["/etc/app/MODE"]);
});
