import * as z from "zod";
import { clusterShape } from "../../clients/kubernetes/kubeconfig.js";

export const targetOptions = z
  .strictObject({
    ...clusterShape,
    deployment: z
      .string()
      .min(1)
      .describe(
        "The Deployment. With it go the ConfigMaps that its pods use, its autoscaler, its disruption budget and the selectors of its Services",
      ),
    secrets: z
      .enum(["leave", "encrypt"])
      .default("leave")
      .describe(
        "`leave`: Secrets are looked for, their contents neither kept nor brought back. `encrypt`: kept encrypted (needs encryption.recipients) and brought back",
      ),
    reconciler: z
      .enum(["refuse", "ignore"])
      .default("refuse")
      .describe(
        "Where Argo CD or Flux would put the bad version back: `refuse` to plan, or `ignore` it, since it was paused",
      ),
    historyLimit: z
      .int()
      .min(2)
      .max(1000)
      .default(20)
      .describe("A smaller revisionHistoryLimit is raised to this before anything else"),
  })
  .describe("One Deployment with what belongs to it.");

export type TargetOptions = z.infer<typeof targetOptions>;
