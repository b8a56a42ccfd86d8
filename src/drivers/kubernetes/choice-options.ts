import * as z from "zod";
import { duration } from "../../core/playbook/duration.js";

/** `host:5000/team/app:v1@sha256:…`; H10: what a registry would refuse is refused before anything moves. */
const reference =
  /^([A-Za-z0-9.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/;

const image = z.string().refine((text) => reference.test(text), {
  error: ({ input }) =>
    /[A-Z]/.test(String(input))
      ? `"${input}" is no image: its name has to be in small letters`
      : `"${input}" is no image: [HOST/]NAME[:TAG][@sha256:DIGEST]`,
});

const to = z
  .strictObject({
    revision: z
      .int()
      .min(1)
      .optional()
      .describe("A number of the cluster's own history, as `backout versions` lists it"),
    image: image.optional().describe("In its place: an image for its only container"),
    images: z.record(z.string().min(1), image).optional().describe("In its place: container → image"),
  })
  .refine(({ revision, image, images }) => [revision, image, images].filter(Boolean).length === 1, {
    error: "name exactly one of revision, image, images",
  });

const flag = z.strictObject({
  configMap: z.string().min(1).describe("Where the key stands"),
  key: z
    .string()
    .regex(/^[-._a-zA-Z0-9]+$/, "a key is letters, digits, -, _ and .")
    .describe("There already, with its usual value"),
  value: z
    .string()
    .optional()
    .describe("What the key becomes. Without: what it was before backout switched it"),
  expires: duration
    .optional()
    .describe("For how long it may stay so: from then on the signal `expired` and the check say so"),
  weakens: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Which protection it takes away, for the plan. Only a scenario with an `approval` may then do it",
    ),
  seen: z
    .enum(["process", "unasked"])
    .default("process")
    .describe(
      "Proof that it has arrived: `process` reads each container's environment or file by `cat` in it (right: pods/exec). `unasked`: for images without `cat`; a check should then ask the application",
    ),
});

export const choiceShape = {
  to: to
    .optional()
    .describe(
      "Where to go in place of a checkpoint; under `restart`. `rollback --to-revision` and `--to-image` set it",
    ),
  switch: flag
    .optional()
    .describe(
      "In their place: one key of a ConfigMap, and every workload that reads it; under `restart`. A kill switch",
    ),
};

export type To = z.infer<typeof to>;
export type Switch = z.infer<typeof flag>;

export interface ChoiceOptions {
  readonly to?: To | undefined;
  readonly switch?: Switch | undefined;
}

/** A person says where it goes, and no checkpoint. */
export const isChosen = ({ to, switch: flag }: ChoiceOptions): boolean =>
  to !== undefined || flag !== undefined;
