import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, figure } from "../figure.js";
import { backout } from "../program.js";
import { inTurn, timeProcess } from "../timed.js";

const lines = 5_000;

/** `backout check` as a user runs it: a whole process, the file, and then every driver asked. */
export async function checking(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  try {
    const text = largePlaybook();
    writeFileSync(join(folder, "backout.yaml"), text);
    const times = await inTurn(7, () => timeProcess([process.execPath, backout, "check"], { cwd: folder }));
    const offline = await inTurn(7, () =>
      timeProcess([process.execPath, backout, "check", "--offline"], { cwd: folder }),
    );
    const what = `${text.split("\n").length - 1} lines, whole process`;
    return [
      figure({
        area: "check",
        figure: "large playbook",
        unit: "ms",
        values: times,
        most: 500,
        against: what,
      }),
      figure({
        area: "check",
        figure: "large playbook, --offline",
        unit: "ms",
        values: offline,
        most: 500,
        against: what,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Targets with dependencies and variables, changes, scenarios, checks, signals, triggers: some of everything. */
function largePlaybook(): string {
  const count = 160;
  const each = (make: (index: number) => readonly string[]) =>
    Array.from({ length: count }, (_, index) => make(index)).flat();
  const head = ["backout: 1", "system: large", "variables: { root: /srv/large }", "objectives: { rto: 1h }"];
  const text = [
    ...head,
    "targets:",
    ...each((index) => [
      `  t${index}:`,
      "    driver: command",
      `    description: part ${index}`,
      `    uses: [${index === 0 ? "" : `t${index - 1}`}]`,
      "    with:",
      `      restore: { run: ["true", "\${root}/t${index}"] }`,
      '      stop: { run: ["true"] }',
      '      start: { run: ["true"] }',
      "      idempotent: true",
    ]),
    "changes:",
    ...each((index) => [`  c${index}:`, "    risk: low", "    promised: 5m", `    targets: [t${index}]`]),
    "scenarios:",
    ...each((index) => [
      `  s${index}:`,
      "    strategy: code",
      `    restore: [t${index}]`,
      "    checks: [k0]",
    ]),
    "checks:",
    ...each((index) => [
      `  k${index}:`,
      "    driver: command",
      "    with:",
      '      program: { run: ["true"] }',
    ]),
    "signals:",
    ...each((index) => [
      `  g${index}:`,
      "    driver: command",
      '    with: { program: { run: [echo, "1"] } }',
      "    every: 5s",
    ]),
    "triggers:",
    ...each((index) => [
      `  r${index}:`,
      `    when: g${index} > 0.5 && g${(index + 1) % count} < 100.0`,
      "    for: 1m",
      "    level: RED",
    ]),
    "decisions:",
    ...each((index) => [`  - when: r${index}`, `    scenario: s${index}`, "    mode: advise"]),
  ];
  return `${[...text, ...Array.from({ length: Math.max(0, lines - text.length) }, (_, index) => `# ${index}`)].join("\n")}\n`;
}
