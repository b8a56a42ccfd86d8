import { randomBytes } from "node:crypto";
import type { Clock, Ids } from "../core/ports.js";

/** Without letters that are read as another one over the phone (i, l, o, u). */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

const randomSuffix = () => Array.from(randomBytes(4), (byte) => alphabet[byte & 31]).join("");

export function timeIds(clock: Clock): Ids {
  return {
    next(prefix) {
      const [date = "", time = ""] = new Date(clock.now()).toISOString().split("T");
      return `${prefix}-${date.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomSuffix()}`;
    },
  };
}
