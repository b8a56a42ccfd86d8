import { expect, test } from "vitest";
import type { PodTemplate } from "../../clients/kubernetes/objects.js";
import { referencesOf } from "./references.js";

test("H08 every way in which a pod reads configuration is seen", () => {
  const template: PodTemplate = {
    spec: {
      initContainers: [{ name: "init", image: "i", envFrom: [{ configMapRef: { name: "of-init" } }] }],
      containers: [
        {
          name: "app",
          image: "i",
          envFrom: [{ configMapRef: { name: "whole" } }, { secretRef: { name: "hidden", optional: true } }],
          env: [
            { name: "A", value: "plain" },
            { name: "B", valueFrom: { configMapKeyRef: { name: "whole", key: "b" } } },
            { name: "C", valueFrom: { secretKeyRef: { name: "token", key: "c" } } },
          ],
        },
      ],
      volumes: [
        { name: "empty" },
        { name: "files", configMap: { name: "files", optional: true } },
        { name: "keys", secret: { secretName: "keys" } },
        {
          name: "both",
          projected: {
            sources: [{ configMap: { name: "projected" } }, { secret: { name: "projected-secret" } }],
          },
        },
      ],
    },
  };
  expect(referencesOf(template)).toEqual({
    configMaps: ["files", "of-init", "projected", "whole"],
    secrets: ["hidden", "keys", "projected-secret", "token"],
    needed: {
      configMaps: ["of-init", "projected", "whole"],
      secrets: ["keys", "projected-secret", "token"],
    },
  });
});
