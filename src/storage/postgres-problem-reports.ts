import type * as z from "zod";
import { BackoutError } from "../core/errors.js";
import { canonicalJson } from "../core/json.js";
import {
  type ProblemReport,
  type ProblemReports,
  problemReport,
  unknownReport,
  withdrawal,
} from "../core/problem-report/problem-report.js";
import type { PostgresDatabase } from "./postgres-database.js";

interface Row {
  readonly id: string;
  readonly body: string;
  readonly withdrawn: string | null;
}

/** Those of one system, beside the runs: whoever watches it, wherever, counts the same. */
export function postgresProblemReports(database: PostgresDatabase, system: string): ProblemReports {
  const columns = "id, body, withdrawn";

  function parsed<T>(id: string, text: string, schema: z.ZodType<T>): T {
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new BackoutError("STATE_CORRUPT", `${database.name}: "${id}" is not a report`, {
        effect: "none",
        hint: "look at it in backout.problem_reports: until then nobody can count the reports",
        cause,
      });
    }
  }
  const toReport = ({ id, body, withdrawn }: Row): ProblemReport => {
    const report = parsed(id, body, problemReport);
    return withdrawn === null ? report : { ...report, withdrawn: parsed(id, withdrawn, withdrawal) };
  };

  return {
    async add(report) {
      const sql = `insert into backout.problem_reports (system, id, at, body) values ($1, $2, $3, $4)
        on conflict do nothing`;
      await database.query(sql, [system, report.id, report.at, canonicalJson(report)]);
    },
    async list() {
      const sql = `select ${columns} from backout.problem_reports where system = $1 order by at, id`;
      return (await database.query<Row>(sql, [system])).map(toReport);
    },
    async withdraw(id, word) {
      const sql = `update backout.problem_reports set withdrawn = coalesce(withdrawn, $3)
        where system = $1 and id = $2 returning ${columns}`;
      const [row] = await database.query<Row>(sql, [system, id, canonicalJson(word)]);
      if (row === undefined) throw unknownReport(id);
      return toReport(row);
    },
  };
}
