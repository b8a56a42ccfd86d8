import type { Connection } from "../../clients/postgres/connection.js";
import { literal } from "../../clients/postgres/identifier.js";
import { BackoutError } from "../../core/errors.js";

/** One row of pg_cron's table. The same name may be there once for each role. */
export interface Job {
  readonly jobid: string;
  readonly schedule: string;
  readonly command: string;
  readonly database: string;
  readonly username: string;
  readonly active: boolean;
}

const lookHint =
  "pg_cron is in one database of a server alone, `show cron.database_name`; name that one in a target of its own";

/** No job of this name is an empty list; no pg_cron to ask is an error: the job may well run from elsewhere. */
export async function jobsNamed(name: string, connection: Connection): Promise<Job[]> {
  const { installed } = await connection.row<{ installed: boolean }>(
    "select exists (select from pg_extension where extname = 'pg_cron') as installed",
  );
  if (!installed) {
    throw new BackoutError(
      "NOT_FOUND",
      `${connection.shown}: pg_cron is not in this database, so job "${name}" cannot be looked for`,
      {
        effect: "none",
        hint: lookHint,
      },
    );
  }
  return connection.rows<Job>(
    `select jobid::text, schedule, command, database, username, active from cron.job where jobname = $1
     order by username, jobid`,
    [name],
  );
}

/** Whether jobs of other roles are hidden from this one. */
export async function seesOwnJobsOnly(connection: Connection): Promise<boolean> {
  const { all } = await connection.row<{ all: boolean }>(
    "select rolsuper or rolbypassrls as all from pg_roles where rolname = current_user",
  );
  return !all;
}

export const unscheduling = ({ jobid }: Job): string => `select cron.unschedule(${Number(jobid)}::bigint)`;

/** A statement that schedules it again, as whom and where it ran. */
export const scheduling = (name: string, job: Omit<Job, "jobid">): string => {
  const texts = [name, job.schedule, job.command, job.database, job.username].map(literal).join(", ");
  return `SELECT cron.schedule_in_database(${texts}, ${job.active})`;
};
