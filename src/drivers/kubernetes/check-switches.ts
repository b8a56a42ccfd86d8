import type { Check } from "../../core/driver.js";
import type { Looking } from "./looking.js";
import { expiredOf } from "./switched.js";

/** M14: one that was thrown for an hour is not to stay for a year. Left out where none is past its time. */
export async function switches({ read, state, subject, now }: Looking): Promise<Check[]> {
  const expired = await expiredOf(read, state, now);
  if (expired.length === 0) return [];
  return [
    {
      ...{ name: `${subject}: switches`, result: "failed", expected: "none past its time" },
      actual: expired.join("; "),
    },
  ];
}
