import type { Json, JsonObject } from "../core/json.js";
import type { SignalMemory } from "../core/ports.js";

/**
 * What a signal remembers, together with the digest of the definition under which it came about. Under another one nothing is
 * remembered, and `forgot` is told once: what one source said is not to be counted for another.
 */
export function definedMemory(memory: SignalMemory, digest: string, forgot: () => void): SignalMemory {
  let told = false;
  return {
    async read() {
      const kept = await memory.read();
      if (kept === undefined) return undefined;
      if (isKept(kept) && kept["of"] === digest) return kept["value"];
      if (!told) forgot();
      told = true;
      return undefined;
    },
    write: (value) => memory.write({ of: digest, value }),
  };
}

const isKept = (kept: Json): kept is JsonObject =>
  typeof kept === "object" && kept !== null && !Array.isArray(kept);
