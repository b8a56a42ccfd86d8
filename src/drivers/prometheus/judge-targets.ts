import * as z from "zod";
import type { Check } from "../../core/driver.js";
import type { Json } from "../../core/json.js";
import type { Labels } from "./check-options.js";

const answer = z.object({
  activeTargets: z.array(
    z.object({
      labels: z.record(z.string(), z.string()),
      scrapeUrl: z.string(),
      health: z.enum(["up", "down", "unknown"]),
      lastError: z.string().default(""),
    }),
  ),
});

/** For messages: some of many. */
export function someOf(items: readonly string[]): string {
  const more = items.length - 3;
  return items.slice(0, 3).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

export const shownLabels = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");

export const haveLabels = (all: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([name, value]) => all[name] === value);

/** Every target is up. None at all, or one that was not scraped yet, is could not measure. */
export function judgeTargets(data: Json, wanted: Labels): Check {
  const name = `targets ${shownLabels(wanted) || "(all)"}`;
  const expected = "every target up";
  const read = answer.safeParse(data);
  if (!read.success) return { name, result: "error", expected, message: "not an answer of Prometheus" };
  const targets = read.data.activeTargets.filter(({ labels }) => haveLabels(labels, wanted));
  if (targets.length === 0) {
    return {
      name,
      result: "error",
      expected,
      actual: "no target",
      message: "Prometheus scrapes no such target",
    };
  }
  const of = (health: string) => targets.filter((target) => target.health === health);
  const down = of("down");
  const unknown = of("unknown");
  const actual = `${of("up").length} of ${targets.length} up`;
  if (down.length > 0) {
    const message = someOf(down.map(({ scrapeUrl, lastError }) => `${scrapeUrl}: ${lastError || "down"}`));
    return { name, result: "failed", expected, actual, message };
  }
  if (unknown.length > 0) {
    const message = `not scraped yet: ${someOf(unknown.map(({ scrapeUrl }) => scrapeUrl))}`;
    return { name, result: "error", expected, actual, message };
  }
  return { name, result: "passed", expected, actual };
}
