import * as z from "zod";
import { clusterShape } from "../../clients/kubernetes/kubeconfig.js";
import { duration } from "../../core/playbook/duration.js";
import { choiceShape } from "./choice-options.js";
import { type ObjectName, type PieceKind, pieceKinds } from "./piece.js";
import { pin } from "./pin-options.js";
import { namedWorkloads, workloadShape } from "./workload-options.js";

const objectName = z.string().refine((text) => parseName(text) !== undefined, {
  error: `is no object: KIND/NAME, where KIND is one of ${pieceKinds.join(", ")}`,
});

function parseName(text: string): ObjectName | undefined {
  const [kind = "", name = "", ...rest] = text.split("/");
  const known = (pieceKinds as readonly string[]).includes(kind);
  return known && name !== "" && rest.length === 0 ? { kind: kind as PieceKind, name } : undefined;
}

export const namedObjects = ({
  objects = [],
}: {
  readonly objects?: readonly string[] | undefined;
}): ObjectName[] => objects.flatMap((text) => parseName(text) ?? []);

export const targetOptions = z
  .strictObject({
    ...clusterShape,
    ...workloadShape,
    objects: z
      .array(objectName)
      .min(1)
      .optional()
      .describe(
        "In its place: these, each as `KIND/NAME`: `ConfigMap/settings`, `Ingress/shop`, `Deployment/api`",
      ),
    selector: z
      .string()
      .min(1)
      .optional()
      .describe("In its place: everything with these labels, as kubectl takes them: `app=erp`"),
    everything: z.literal(true).optional().describe("In its place: the whole namespace"),
    ...choiceShape,
    secrets: z
      .enum(["leave", "encrypt"])
      .default("leave")
      .describe(
        "`leave`: Secrets are looked for, their contents neither kept nor brought back. `encrypt`: kept encrypted (needs encryption.recipients) and brought back",
      ),
    pin: pin
      .optional()
      .describe(
        "A checkpoint gives each image that runs a tag of its own in its registry, so that it is not cleared away; `prove` asks for it, `checkpoints prune` takes the tag away. Without: registries are not spoken to",
      ),
    way: z
      .enum(["patch", "scale-down", "recreate"])
      .default("patch")
      .describe(
        "`patch`: pods are replaced as the workload's strategy says. For the `fallback` of a scenario, when that does not end: `scale-down` to nothing, change it, scale up; `recreate`: delete it with its history, and make it again as captured. Both are an outage, and the plan says so",
      ),
    proof: z
      .enum(["dry-run", "start"])
      .default("dry-run")
      .describe(
        "`dry-run`: the cluster is asked whether it would take everything back. `start`: in addition one pod of each template is started beside, and removed when it is ready. It does what such a pod does: not for those that must run alone",
      ),
    reconciler: z
      .enum(["refuse", "ignore"])
      .default("refuse")
      .describe(
        "Where Argo CD or Flux would put the bad version back: `refuse` to plan, or `ignore` it, since it was paused",
      ),
    undo: duration
      .default(14 * 86_400_000)
      .describe(
        "For how long what a rollback replaced is kept in the cluster for `rollback --undo`; a later one removes it",
      ),
    historyLimit: z
      .int()
      .min(2)
      .max(1000)
      .default(20)
      .describe("A smaller revisionHistoryLimit is raised to this before anything else"),
  })
  .refine(
    (options) => {
      const { objects, selector, everything, switch: flag } = options;
      return [...namedWorkloads(options), objects, selector, everything, flag].filter(Boolean).length === 1;
    },
    {
      error: "name exactly one of deployment, statefulSet, daemonSet, objects, selector, everything, switch",
    },
  )
  .refine((options) => options.to === undefined || namedWorkloads(options).length === 1, {
    error: "`to` goes with one deployment, statefulSet or daemonSet",
  })
  .refine(({ to, switch: flag, way }) => (to ?? flag) === undefined || way !== "recreate", {
    error: "`way: recreate` makes again what was captured: it goes with neither `to` nor `switch`",
  })
  .describe("Workloads with what belongs to them, or single objects, of one namespace.");

export type TargetOptions = z.infer<typeof targetOptions>;

/** How messages name the whole of it. */
export function subjectOfTarget(options: TargetOptions): string {
  const [workload] = namedWorkloads(options);
  if (workload !== undefined) return workload.name;
  if (options.switch !== undefined) return `${options.switch.configMap}/${options.switch.key}`;
  if (options.objects !== undefined) return options.objects.join(", ");
  return options.selector ?? `namespace ${options.namespace ?? ""}`.trim();
}
