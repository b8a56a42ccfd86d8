import type { DriverContext } from "../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../core/errors.js";
import type { JsonObject } from "../core/json.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

interface Checkable {
  readonly options: { parse(value: unknown): unknown };
  check?(options: never, context: DriverContext): Promise<Problem[]>;
}

/** Asks every driver whether what it works on is reachable, of the right version and permitted. Changes nothing. */
export async function checkSystem(services: Services, events: CallEvents): Promise<Problem[]> {
  const { targets, signals, checks } = services.playbook;
  const { drivers } = services;
  const asked = [
    ...parts("targets", targets, (id) => drivers.target(id)),
    ...parts("signals", signals, (id) => drivers.signal(id)),
    ...parts("checks", checks, (id) => drivers.check(id)),
  ].map(({ path, name, options, load }) => ask(services, path, name, options, load, events));
  const problems = (await Promise.all([...asked, keyProblems(services)])).flat();
  if (Object.keys(checks).length === 0) {
    const hint = "add one under checks:, for example an http request to the health endpoint";
    problems.push(warning("checks", "there is none, so no rollback can end as verified", hint));
  }
  return problems;
}

/** Without the key nothing encrypted can be proven or restored; capturing needs only the recipients. */
async function keyProblems({ playbook, resolve }: Services): Promise<Problem[]> {
  const { encryption } = playbook;
  if (encryption?.identity === undefined) return [];
  try {
    await resolve({ identity: encryption.identity }, "encryption");
    return [];
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
    const hint = `${error.hint ?? "bring the key back"}; without it nothing encrypted can be proven or restored`;
    return [warning("encryption.identity", error.message.replace(/^encryption\.identity: /, ""), hint)];
  }
}

function parts(
  section: string,
  definitions: Readonly<Record<string, { readonly driver: string; readonly with: JsonObject }>>,
  load: (driver: string) => Promise<unknown>,
) {
  return Object.entries(definitions).map(([name, definition]) => ({
    path: `${section}.${name}`,
    name,
    options: definition.with,
    load: async () => (await load(definition.driver)) as Checkable,
  }));
}

async function ask(
  services: Services,
  path: string,
  name: string,
  written: JsonObject,
  load: () => Promise<Checkable>,
  events: CallEvents,
): Promise<Problem[]> {
  try {
    const driver = await load();
    const options = driver.options.parse(await services.resolve(written, `${path}.with`));
    const found = await driver.check?.(options as never, driverContext(services, name, events));
    return (found ?? []).map((one) => ({
      ...one,
      path: one.path === name ? path : `${path}.${stripped(one.path, name)}`,
    }));
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code === "INTERRUPTED") throw error;
    return [problem(path, error.message, error.hint)];
  }
}

/** Drivers name the target, the option, or both. */
const stripped = (path: string, name: string): string =>
  path.startsWith(`${name}.`) ? path.slice(name.length + 1) : path;
