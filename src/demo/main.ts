import { parseArgs } from "node:util";
import { narrator } from "./narrate.js";
import { openScope } from "./scope.js";
import { runShop } from "./shop/story.js";
import { runDemo } from "./story.js";

const help = `Usage: npm run demo [-- [shop] OPTION…]

Builds a small shop in a temporary folder, puts it under load, deploys a release that is bad, and lets backout find it
out and roll it back. Takes less than half a minute, needs nothing but Node, and leaves nothing but the report.

shop: the same with a PostgreSQL, a Redis and a queue, for which it starts servers of its own; they have to be installed.
Takes about a minute.

  --orders N      how many orders the shop begins with; default: 50,000
  --interactive   wait for Enter before each command
  --report DIR    put the report there; default: a new folder beside other temporary ones
  --json          the result as one line of JSON on standard output, everything else on standard error
  --help          this

Exit status: 0 where all that is promised held, 1 where something did not, 130 interrupted.
`;

function fail(message: string): number {
  process.stderr.write(`demo: ${message}\n`);
  return 2;
}

async function main(): Promise<number> {
  const options = {
    interactive: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    report: { type: "string" },
    orders: { type: "string", default: "50000" },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];
  let which: string | undefined;
  try {
    let more: string[];
    ({
      values,
      positionals: [which, ...more],
    } = parseArgs({ options, allowPositionals: true }));
    if (more.length > 0 || (which !== undefined && which !== "shop")) {
      return fail(
        `there is no demo "${[which, ...more].join(" ")}"\nhint: npm run demo, or npm run demo -- shop`,
      );
    }
  } catch (error) {
    return fail(`${(error as Error).message}\n${help}`);
  }
  const orders = Number(values.orders);
  if (!Number.isInteger(orders) || orders < 1000) {
    return fail(`--orders: "${values.orders}" is no whole number of at least 1000`);
  }
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const out = values.json ? process.stderr : process.stdout;
  const scope = openScope();
  const telling = narrator(out, values.interactive);
  // Whatever ends the demo, nothing of it stays.
  process.once("exit", () => scope.kill());
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(1));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (scope.ending) return;
      telling.close();
      out.write("\n\n  Interrupted: what was started is being ended and removed.\n");
      void scope.end().then(() => process.exit(130));
    });
  }
  try {
    const result =
      which === "shop"
        ? await runShop(scope, telling, { orders, report: values.report })
        : await runDemo(scope, telling, values.report);
    await scope.end();
    if (values.json) process.stdout.write(`${JSON.stringify({ ...result, started: [...scope.started] })}\n`);
    return result.holds ? 0 : 1;
  } catch (error) {
    if (scope.ending) return await new Promise<never>(() => undefined);
    await scope.end();
    telling.end(false, (error as Error).message);
    return 1;
  } finally {
    telling.close();
  }
}

process.exitCode = await main();
