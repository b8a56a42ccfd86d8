import { expect, it } from "vitest";
import type { ProofRecord } from "../../core/checkpoint/proof-record.js";
import { progressLines } from "./progress-lines.js";

const proof = (result: ProofRecord["result"]): ProofRecord => ({
  at: 0,
  by: "ada@node-1",
  result,
  level: "restored",
  checks: [
    { name: "rows of orders", result, expected: "12,000", actual: "11,999", message: "1 row is missing" },
  ],
  restoreMs: 2100,
});

function told(isTTY: boolean, json: boolean): string {
  let text = "";
  let now = 1000;
  const write = (part: string) => {
    text += part;
  };
  const lines = progressLines({
    options: { json },
    stdout: { isTTY, write },
    render: () => ({ now, width: 80, colour: false }),
    print: (line) => write(`${line}\n`),
  });
  lines.progress("db", "42 of 310 MB\u001B[2J");
  now += 50;
  lines.progress("db", "too soon");
  lines.done("db", "captured", "22,000 rows", 412);
  for (const result of ["passed", "failed", "error"] as const) lines.proven("db", proof(result));
  lines.proven("db", { ...proof("passed"), unknown: ["its owner"], notes: ["its copy stays"] });
  lines.end();
  return text;
}

const done = `✓ db: captured in 412 ms: 22,000 rows
✓ db: proven to the level "restored", restored in 2.1 s
✗ db: did not prove to restore: rows of orders: 1 row is missing
? db: could not be proven: rows of orders: 1 row is missing
✓ db: proven to the level "restored", restored in 2.1 s
? db: not known: its owner
· db: its copy stays
`;

it.each<[string, boolean, boolean, string]>([
  [
    "a terminal shows the work in one line that goes away",
    true,
    false,
    `\r\u001B[2K  db: 42 of 310 MB\r\u001B[2K${done}`,
  ],
  ["elsewhere only what is done", false, false, done],
  ["nothing beside JSON", true, true, ""],
])("%s", (_, isTTY, json, text) => expect(told(isTTY, json)).toBe(text));
