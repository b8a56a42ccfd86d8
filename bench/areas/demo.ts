import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, figure } from "../figure.js";
import { demo } from "../program.js";
import { inTurn, timeProcess } from "../timed.js";

/** The whole demo, from its first line to its report, as a newcomer waits for it. */
export async function demonstrating(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  try {
    const argv = [process.execPath, demo, "--json", "--report", join(folder, "report")] as const;
    const seconds = await inTurn(3, () => timeProcess(argv) / 1_000);
    return [
      figure({
        area: "demo",
        figure: "start to report",
        unit: "s",
        values: seconds,
        most: 30,
        against: "whole process",
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
