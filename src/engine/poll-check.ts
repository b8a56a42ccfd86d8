import type { Check } from "../core/driver.js";
import type { Clock } from "../core/ports.js";

const pauseMs = 200;

/**
 * Asks until it passes and has kept passing for `stable`, for at most `within` (plus `stable`). Milliseconds. A driver
 * that throws has not measured: asked again like any other result that is no pass.
 */
export async function pollCheck(
  ask: () => Promise<Check[]>,
  { within, stable }: { readonly within: number; readonly stable: number },
  clock: Clock,
  signal: AbortSignal,
): Promise<Check[]> {
  const started = clock.monotonic();
  let goodSince: number | undefined;
  for (;;) {
    const checks = await ask().catch((error: unknown) => notMeasured(error, signal));
    const now = clock.monotonic();
    const passed = checks.length > 0 && checks.every((check) => check.result === "passed");
    goodSince = passed ? (goodSince ?? now) : undefined;
    if (goodSince !== undefined && now - goodSince >= stable) return checks;
    if (goodSince === undefined && now - started >= within) return checks;
    await clock.sleep(pauseMs, signal);
  }
}

function notMeasured(error: unknown, signal: AbortSignal): Check[] {
  signal.throwIfAborted();
  const message = error instanceof Error ? error.message : String(error);
  return [{ name: "could not measure", result: "error", message }];
}
