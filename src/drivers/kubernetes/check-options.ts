import * as z from "zod";
import { clusterShape } from "../../clients/kubernetes/kubeconfig.js";
import { duration } from "../../core/playbook/duration.js";
import { exactlyOne, sayExactlyOne, workloadShape } from "./workload-options.js";

const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'an image digest is "sha256:" and 64 hexadecimal digits; a tag may move');

const pattern = z.string().refine(
  (text) => {
    try {
      return new RegExp(text, "i") instanceof RegExp;
    } catch {
      return false;
    }
  },
  { error: "is not a regular expression" },
);

export const checkOptions = z
  .strictObject({
    ...clusterShape,
    ...workloadShape,
    images: z
      .record(z.string().min(1), digest)
      .optional()
      .describe("Container → digest that every pod must run. Without: all pods must run the same"),
    services: z
      .array(z.string().min(1))
      .optional()
      .describe("Services that must lead to every ready pod. Without: all whose selector matches the pods"),
    health: z
      .strictObject({
        path: z.string().startsWith("/").describe("What is asked of every pod, through the API server"),
        port: z.int().min(1).max(65_535).describe("The container's port"),
        status: z.int().min(100).max(599).default(200).describe("The only answer that is healthy"),
      })
      .optional()
      .describe("Without: pods are not asked"),
    logs: z
      .strictObject({
        since: duration
          .refine((ms) => ms >= 1000, "at least 1s: the API counts in seconds")
          .default(300_000)
          .describe("How far back"),
        pattern: pattern
          .default("\\b(error|fatal|panic|exception)\\b")
          .describe("Lines that count: a regular expression, whatever the case"),
        allow: z.int().min(0).default(0).describe("So many lines of all pods together are no failure"),
      })
      .optional()
      .describe("Error lines in the logs of every pod. Without: logs are not read"),
  })
  .refine(exactlyOne, sayExactlyOne);

export type CheckOptions = z.infer<typeof checkOptions>;
