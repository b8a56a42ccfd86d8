import * as z from "zod";
import {
  type ConnectionOptions,
  connectionShape,
  refineConnection,
} from "../../clients/postgres/connection-options.js";
import { parseQualified } from "../../clients/postgres/parse-name.js";
import { duration } from "../../core/playbook/duration.js";

const tools = ["prisma", "knex", "node-pg-migrate", "commands"] as const;
type Tool = (typeof tools)[number];

export interface Options extends ConnectionOptions {
  readonly tool: Tool;
  readonly release: string;
  readonly files?: string | undefined;
  readonly ledger?: string | undefined;
  readonly column?: string | undefined;
  readonly order?: string | undefined;
  readonly list?: readonly string[] | undefined;
  readonly down?: readonly string[] | undefined;
  readonly script?: string | undefined;
  readonly status?: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly schemas?: readonly string[] | undefined;
  readonly ignore: readonly string[];
  readonly exclusive: boolean;
  readonly checkout?:
    | {
        readonly folder: string;
        readonly migrations?: string | undefined;
        readonly generate?: readonly string[] | undefined;
      }
    | undefined;
  /** Milliseconds. */
  readonly lock_timeout: number;
  readonly timeout: number;
}

const words = z
  .array(z.string())
  .refine(
    ([first = ""]) => first !== "",
    'the list names no program; write it first, e.g. ["npm", "run", "down"]',
  );

const tableName = z
  .string()
  .refine((text) => namedTable(text) !== undefined, "is no name of a table: schema.table, quoted as in SQL");

/** `undefined` where it is no name of a table. */
export function namedTable(text: string): { readonly schema: string; readonly name: string } | undefined {
  const read = parseQualified(text);
  if (read === undefined || read.rest !== "" || read.parts.length > 2) return undefined;
  const [first = "", second] = read.parts;
  return second === undefined ? { schema: "public", name: first } : { schema: first, name: second };
}

/** What each tool does unless the playbook says otherwise. */
export const defaults: Readonly<
  Record<
    Tool,
    {
      ledger?: string;
      column?: string;
      order?: string;
      files?: string;
      down?: readonly string[];
      script?: string;
    }
  >
> = {
  prisma: {
    ledger: "public._prisma_migrations",
    column: "migration_name",
    order: "started_at",
    files: "prisma/migrations",
    script: "{migration}/down.sql",
  },
  knex: {
    ledger: "public.knex_migrations",
    column: "name",
    order: "id",
    files: "migrations",
    down: ["npx", "--no-install", "knex", "migrate:down", "{migration}"],
  },
  "node-pg-migrate": {
    ledger: "public.pgmigrations",
    column: "name",
    order: "id",
    files: "migrations",
    down: ["npx", "--no-install", "node-pg-migrate", "down", "{migration}"],
  },
  commands: {},
};

const issues = (given: Options): readonly (readonly [key: string, message: string])[] => {
  const found: [string, string][] = [];
  const { tool, ledger, list, column, down, script } = given;
  if (list !== undefined && (ledger ?? column ?? given.order) !== undefined) {
    found.push(["list", "stands beside `ledger`, `column` or `order`: the names come from one of them"]);
  }
  if (tool === "commands") {
    if (list === undefined && (ledger === undefined || column === undefined)) {
      found.push(["ledger", "missing: name the `ledger` and its `column`, or a program under `list`"]);
    }
    if (down === undefined && script === undefined)
      found.push(["down", "missing: name a program, or a `script` of SQL"]);
  } else if (list !== undefined)
    found.push(["list", `is for \`tool: commands\`; the ledger of ${tool} is known`]);
  if (down !== undefined && script !== undefined)
    found.push(["script", "stands beside `down`: remove one of them"]);
  if (tool === "prisma" && down !== undefined) {
    found.push(["down", "Prisma has no down step: `script` names the SQL that your team wrote"]);
  }
  if (script !== undefined && list !== undefined) {
    found.push(["script", "needs a `ledger`, out of which the rows are taken in the same transaction"]);
  }
  if (script !== undefined && !script.includes("{migration}"))
    found.push(["script", "has no {migration} in it"]);
  return found;
};

export const options: z.ZodType<Options> = z
  .strictObject({
    ...connectionShape,
    tool: z.enum(tools).describe("Whose ledger it is, and how a migration is taken back"),
    release: z
      .string()
      .min(1)
      .default(".")
      .describe(
        "Folder of the *newer* release, which has the down steps. A link (`current`) is followed when the plan is made, so that it does not matter where it points later",
      ),
    files: z
      .string()
      .min(1)
      .optional()
      .describe("In the release: the folder of the migrations. Default: as the tool has it"),
    ledger: tableName.optional().describe("Table of the applied migrations. Default: as the tool has it"),
    column: z.string().min(1).optional().describe("Its column with the names. Default: as the tool has it"),
    order: z
      .string()
      .min(1)
      .optional()
      .describe("Its column that grows with each migration. Default: as the tool has it, else `column`"),
    list: words
      .optional()
      .describe(
        "With `tool: commands`, instead of a ledger: prints the names of the applied migrations, oldest first, a line each",
      ),
    down: words
      .optional()
      .describe(
        "Takes the migration back whose name stands for {migration}; run in the release, once for each, newest first. Default: as the tool has it",
      ),
    script: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Instead of `down`: file below `files` with the SQL that takes {migration} back. Default for Prisma: `{migration}/down.sql`",
      ),
    status: words.optional().describe("Run in the release before and after; what it prints goes to the log"),
    env: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe("Variables for these programs; DATABASE_URL and PG… are set anyway"),
    schemas: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Schemas that belong to the state. Default: all but the system's"),
    ignore: z
      .array(tableName)
      .default([])
      .describe("Tables that do not belong to the state, e.g. partitions that come every day"),
    exclusive: z
      .boolean()
      .default(false)
      .describe("Whoever uses this target is stopped while migrations are taken back"),
    checkout: z
      .strictObject({
        folder: z.string().min(1).describe("Folder of the code that stays"),
        migrations: z
          .string()
          .min(1)
          .optional()
          .describe("In it: folder out of which the directories of the migrations are put aside"),
        generate: words.optional().describe("Run in it afterwards, e.g. [npx, prisma, generate]"),
      })
      .optional()
      .describe("Where directories of migrations are removed and the client is made anew"),
    lock_timeout: duration
      .refine((ms) => ms >= 100, "less than 100 ms gets no lock on a busy table")
      .default(5_000)
      .describe("No statement waits longer for a lock, while others wait behind it"),
    timeout: duration.default(600_000).describe("For taking one migration back"),
  })
  .superRefine((given, context) => {
    refineConnection(given, context);
    for (const [key, message] of issues(given)) context.addIssue({ code: "custom", path: [key], message });
  })
  .describe("The schema of one PostgreSQL database, as a migration tool knows it.");

/** The options with what the tool has by itself. */
export interface Setup {
  readonly ledger: { readonly schema: string; readonly name: string } | undefined;
  readonly column: string;
  readonly order: string;
  readonly files: string | undefined;
  readonly way: { readonly script: string } | { readonly down: readonly string[] };
}

export function setupOf(given: Options): Setup {
  const own = defaults[given.tool];
  const table = given.list === undefined ? (given.ledger ?? own.ledger) : undefined;
  const column = given.column ?? own.column ?? "";
  const script = given.script ?? (given.down === undefined ? own.script : undefined);
  return {
    ledger: table === undefined ? undefined : namedTable(table),
    column,
    order: given.order ?? (given.column === undefined ? own.order : undefined) ?? column,
    files: given.files ?? own.files,
    way: script === undefined ? { down: given.down ?? own.down ?? [] } : { script },
  };
}
