import { createHash } from "node:crypto";
import { BackoutError } from "../../core/errors.js";

export interface Statement {
  readonly text: string;
  /** `migrations/x/down.sql:12`, for messages. */
  readonly at: string;
  /** Refuses to run inside a transaction. */
  readonly alone: boolean;
}

/** A node of PostgreSQL's own parse tree: one key, the statement's kind. */
type Node = Readonly<Record<string, { readonly [key: string]: unknown }>>;

interface Parsed {
  readonly stmts?: readonly {
    readonly stmt?: Node;
    readonly stmt_location?: number;
    readonly stmt_len?: number;
  }[];
}

const aloneAlways = new Set([
  "VacuumStmt",
  "CreatedbStmt",
  "DropdbStmt",
  "AlterSystemStmt",
  "CreateTableSpaceStmt",
  "DropTableSpaceStmt",
]);

/** As the server decides by itself (PreventInTransactionBlock). */
function runsAlone(node: Node): boolean {
  const [kind = "", fields = {}] = Object.entries(node)[0] ?? [];
  if (kind === "VacuumStmt") return fields["is_vacuumcmd"] === true;
  if (aloneAlways.has(kind)) return true;
  if (kind === "ReindexStmt") return JSON.stringify(fields["params"] ?? "").includes('"concurrently"');
  if (kind === "AlterTableStmt") return JSON.stringify(fields["cmds"] ?? "").includes('"concurrent":true');
  return fields["concurrent"] === true && (kind === "IndexStmt" || kind === "DropStmt");
}

/** Adding a value to an enum is allowed in a transaction, but what uses it behind that is not: so it stands alone too. */
const addsEnumValue = (node: Node): boolean =>
  node["AlterEnumStmt"]?.["newVal"] !== undefined && node["AlterEnumStmt"]?.["oldVal"] === undefined;

/** Splits it as the server's own parser does. Refuses what is no SQL, and what would end our transaction. */
export async function readScript(text: string, file: string): Promise<Statement[]> {
  const { parse } = await import("libpg-query");
  let parsed: Parsed;
  try {
    parsed = (await parse(text)) as unknown as Parsed;
  } catch (error) {
    const position = (error as { sqlDetails?: { cursorPosition?: number } }).sqlDetails?.cursorPosition ?? 0;
    const said = error instanceof Error ? error.message : String(error);
    throw refused(
      `${file}:${lineAt(text, position)}: ${said}`,
      "only SQL may stand there, no commands of psql",
    );
  }
  const bytes = Buffer.from(text);
  return (parsed.stmts ?? []).map(({ stmt = {}, stmt_location: from = 0, stmt_len: length }) => {
    const raw = bytes.subarray(from, length === undefined ? undefined : from + length).toString();
    const before =
      bytes.subarray(0, from).toString() + (/^(\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/.exec(raw)?.[0] ?? "");
    const at = `${file}:${lineAt(text, before.length)}`;
    if (stmt["TransactionStmt"] !== undefined) {
      throw refused(
        `${at}: "${raw.trim()}" would end the transaction in which the scripts run`,
        "take it out",
      );
    }
    return { text: raw.trim(), at, alone: runsAlone(stmt) || addsEnumValue(stmt) };
  });
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

const refused = (fact: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", fact, { effect: "none", hint });

/** Runs of statements that go into one transaction; what refuses one stands alone. */
export function segments(statements: readonly Statement[]): Statement[][] {
  const groups: Statement[][] = [];
  for (const statement of statements) {
    const last = groups.at(-1);
    if (last === undefined || statement.alone || last[0]?.alone === true) groups.push([statement]);
    else last.push(statement);
  }
  return groups;
}

export const textDigest = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;
