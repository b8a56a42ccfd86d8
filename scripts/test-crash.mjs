// Kills runs at many moments: `npm run test:crash -- --rounds 2000 --seed 7`. Everything else goes to vitest.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const options = { rounds: { type: "string" }, seed: { type: "string" } };
const { values, tokens } = parseArgs({ options, strict: false, tokens: true, allowPositionals: true });
const ours = new Set(
  tokens.flatMap((token) => {
    if (token.kind !== "option" || !Object.hasOwn(options, token.name)) return [];
    return token.inlineValue === false ? [token.index, token.index + 1] : [token.index];
  }),
);
for (const [name, value] of Object.entries(values)) {
  if (Object.hasOwn(options, name) && !/^\d+$/.test(String(value))) {
    console.error(`test:crash: --${name} "${value}" is no whole number`);
    process.exit(2);
  }
}
const rest = process.argv.slice(2).filter((_, index) => !ours.has(index));
const { status } = spawnSync("npx", ["vitest", "run", "--project", "crash", ...rest], {
  stdio: "inherit",
  env: {
    ...process.env,
    ...(values.rounds === undefined ? {} : { CRASH_ROUNDS: values.rounds }),
    ...(values.seed === undefined ? {} : { CRASH_SEED: values.seed }),
  },
});
process.exitCode = status ?? 1;
