import type { Problem } from "../errors.js";
import { type ResolvedPlaybook, resolvePlaybook } from "./parse-playbook.js";
import { readPlaybook } from "./read-playbook.js";
import { testContext } from "./test-drivers.js";

/** What the app does, in one go, with the test drivers. */
export async function parse(text: string | Uint8Array, environment?: string): Promise<ResolvedPlaybook> {
  const { source, problems } = readPlaybook({ text, file: "backout.yaml" });
  return source === undefined ? { problems } : resolvePlaybook(source, { ...testContext, environment });
}

export const line = ({ severity, line, column, path, message, hint }: Problem) =>
  `${severity === "error" ? "" : "warning "}${line}:${column} ${path}: ${message}${hint === undefined ? "" : ` | ${hint}`}`;

export const lines = async (text: string | Uint8Array, environment?: string) =>
  (await parse(text, environment)).problems.map(line);

export const head = "backout: 1\nsystem: shop\n";
export const targets =
  "targets:\n  db: {driver: sqlite, with: {file: app.db}}\n  api: {driver: sqlite, with: {file: api.db}, uses: [db]}\n";
/** Five lines; what a case adds begins on line 6. */
export const valid = head + targets;
const signals = "signals: {errors: {driver: http, with: {url: 'http://localhost'}}}\n";
export const watched = `${valid}${signals}`;
