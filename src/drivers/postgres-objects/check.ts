import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { seesOwnJobsOnly } from "./jobs.js";
import { look } from "./look.js";
import { type Options, wantedOf } from "./options.js";

export async function check(options: Options, context: DriverContext): Promise<Problem[]> {
  try {
    return await withConnection(serverOf(options), context, async (connection) => {
      const found: Problem[] = [];
      const wanted = wantedOf(options);
      for (const { object } of wanted) {
        const { id, state, bound } = await look(object, connection);
        if (bound !== null)
          found.push(problem(context.name, `${object.shown}: cannot be dropped by itself, ${bound}`));
        if (state === "absent" || id === "") continue;
        const owner = id.startsWith("pg_proc/") ? ["pg_proc", "proowner"] : ["pg_class", "relowner"];
        const { may, role } = await connection.row<{ may: boolean; role: string }>(
          `select pg_has_role(${owner[1]}, 'usage') as may, quote_ident(pg_get_userbyid(${owner[1]})) as role
           from ${owner[0]} where oid = $1`,
          [id.split("/")[1] ?? ""],
        );
        if (may) continue;
        const mend = `connect as ${role}, or \`grant ${role} to\` the role of this target`;
        found.push(
          problem(context.name, `${object.shown}: belongs to ${role}, so it cannot be dropped or made`, mend),
        );
      }
      if (wanted.some(({ object }) => object.kind === "job") && (await seesOwnJobsOnly(connection))) {
        found.push(
          warning(
            context.name,
            "this role sees only its own jobs of pg_cron: one of another role counts as absent",
          ),
        );
      }
      return found;
    });
  } catch (error) {
    if (error instanceof BackoutError) return [problem(context.name, error.message, error.hint)];
    throw error;
  }
}
