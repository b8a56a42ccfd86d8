/**
 * What controllers and clients must agree on. The version names this contract, not the code: a run that an older
 * backout has queued is executed by a newer one, since all that it goes by are its facts.
 */
export const application = { name: "backout", version: "1", schema: "backout_dbos" } as const;
export const workflowName = "run";

/** Controllers have the playbook of one system, hence its queue. */
export const queueOf = (system: string): string => `backout-${system}`;

interface Logger {
  info(entry: unknown): void;
  debug(entry: unknown): void;
  warn(entry: unknown): void;
  error(entry: unknown): void;
}

/** DBOS says much; only its errors are for people, and each of them once in a row. */
export function quietLogger(trouble: (message: string) => void): Logger {
  const ignore = (): void => {};
  let last = "";
  const error = (entry: unknown): void => {
    const message = entry instanceof Error ? entry.message : String(entry);
    if (message === last || message === "") return;
    last = message;
    trouble(message);
  };
  return { info: ignore, debug: ignore, warn: ignore, error };
}
