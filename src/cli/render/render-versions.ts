import type { TargetVersions } from "../../app/list-versions.js";
import { plainText } from "../../core/report/plain-text.js";
import { palette } from "./colour.js";
import { ageText } from "./format.js";
import { table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";

/** A heading a target, below it a line a version. */
export function renderVersions(
  listed: readonly TargetVersions[],
  { colour, width, now }: RenderOptions,
): string {
  const { strong, dim } = palette(colour);
  if (listed.length === 0) return "no target of this playbook knows of versions";
  return listed
    .flatMap(({ target, versions, error }) => [
      strong(target),
      ...(error === undefined ? [] : [`  error: ${plainText(error)}`]),
      ...(versions.length === 0 && error === undefined ? ["  none"] : []),
      ...table(
        versions.map(({ name, summary, at }) => [
          plainText(name),
          plainText(summary),
          { text: at === undefined ? "" : ageText(at, now), paint: dim },
        ]),
        [{ min: 8 }, { min: 12 }, { min: 8, optional: 1 }],
        { width, indent: 2 },
      ),
    ])
    .join("\n");
}
