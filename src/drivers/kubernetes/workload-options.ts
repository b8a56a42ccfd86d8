import * as z from "zod";
import type { WorkloadKind, WorkloadName } from "./workload.js";

const name = z.string().min(1).optional();

/** One of them names what a signal or a check looks at. */
export const workloadShape = {
  deployment: name.describe("The Deployment that is looked at, with all of its pods"),
  statefulSet: name.describe("In its place: a StatefulSet"),
  daemonSet: name.describe("In its place: a DaemonSet"),
};

export interface WorkloadOptions {
  readonly deployment?: string | undefined;
  readonly statefulSet?: string | undefined;
  readonly daemonSet?: string | undefined;
}

const kinds = {
  deployment: "Deployment",
  statefulSet: "StatefulSet",
  daemonSet: "DaemonSet",
} as const satisfies Record<keyof WorkloadOptions, WorkloadKind>;

export const namedWorkloads = (options: WorkloadOptions): WorkloadName[] =>
  (Object.keys(kinds) as (keyof WorkloadOptions)[]).flatMap((key) => {
    const name = options[key];
    return name === undefined ? [] : [{ kind: kinds[key], name }];
  });

export const exactlyOne = (options: WorkloadOptions): boolean => namedWorkloads(options).length === 1;
export const sayExactlyOne = { error: "name exactly one of deployment, statefulSet, daemonSet" };

/** Of options that were validated. */
export function workloadOf(options: WorkloadOptions): WorkloadName {
  const [one] = namedWorkloads(options);
  if (one === undefined) throw new Error(sayExactlyOne.error);
  return one;
}

/** As checks name it: `deployment api`. */
export const subjectOf = ({ kind, name }: WorkloadName): string => `${kind.toLowerCase()} ${name}`;
