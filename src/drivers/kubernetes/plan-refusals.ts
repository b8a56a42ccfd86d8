import { BackoutError } from "../../core/errors.js";
import type { Seen } from "./observe.js";
import { nameOf } from "./piece.js";
import { subjectOfTarget, type TargetOptions } from "./target-options.js";

export const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

export function refuseUnknownPlaces(keep: readonly string[], { places }: Seen, options: TargetOptions): void {
  for (const one of keep) {
    const known = places.some((place) => {
      const path = one.startsWith("/") ? place.slice(place.indexOf("/", place.indexOf("/") + 1)) : place;
      return path === one || path.startsWith(`${one}/`);
    });
    if (known) continue;
    const last = one.slice(one.lastIndexOf("/"));
    const near = places.filter((place) => place.includes(last)).slice(0, 3);
    throw refused(
      `${subjectOfTarget(options)}: cannot keep "${one}": there is nothing at this path, neither now nor in the checkpoint`,
      near.length === 0
        ? "list members go by their names: /spec/template/spec/containers/NAME/…"
        : `is it "${near.join('" or "')}"?`,
    );
  }
}

export function refuseReconciled(
  rolls: readonly string[],
  { workloads }: Seen,
  options: TargetOptions,
): void {
  if (options.reconciler === "ignore") return;
  for (const key of rolls) {
    const by = workloads[key]?.reconciler ?? null;
    if (by === null) continue;
    throw refused(
      `${nameOf(key).name}: is kept as it is by ${by}, which would put the bad version back`,
      "pause it there or go back in its repository; then `reconciler: ignore`",
    );
  }
}
