import { appendFileSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { buildSystem, writePlaybook } from "../../src/demo/system.js";
import { type Figure, figure } from "../figure.js";
import { backout, example } from "../program.js";
import { inTurn, timeProcess } from "../timed.js";

/** `backout plan` of the demo's system after its bad release, as a whole process, beside a Node that does nothing. */
export async function starting(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "backout-bench-"));
  try {
    const identity = await generateX25519Identity();
    buildSystem(example, root);
    writePlaybook(root, { port: 8080, recipient: await identityToRecipient(identity) });
    const options = { cwd: root, env: { ...process.env, SHOP_IDENTITY: identity } };
    timeProcess([process.execPath, backout, "checkpoint", "--change", "v2"], options);
    unlinkSync(join(root, "current"));
    symlinkSync(join("releases", "v2"), join(root, "current"));
    appendFileSync(join(root, ".env"), "NEW=1\n");
    const rounds = await inTurn(15, () => {
      const nothing = timeProcess([process.execPath, "-e", "0"]);
      return {
        nothing,
        plan: timeProcess([process.execPath, backout, "plan", "full", "--change", "v2"], options),
      };
    });
    const ratios = rounds.map(({ plan, nothing }) => plan / nothing);
    return [
      figure({
        area: "start",
        figure: "node -e 0",
        unit: "ms",
        values: rounds.map(({ nothing }) => nothing),
        against: "whole process",
      }),
      figure({
        area: "start",
        figure: "backout plan",
        unit: "ms",
        values: rounds.map(({ plan }) => plan),
        against: "whole process",
      }),
      figure({
        area: "start",
        figure: "backout plan against node",
        unit: "times",
        values: ratios,
        most: 3,
        against: "pair by pair",
      }),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
