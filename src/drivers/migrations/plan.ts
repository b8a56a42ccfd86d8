import type { DataLoss, Impact, PlanInput, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import type { Data } from "./capture.js";
import { listed } from "./catalog.js";
import { type Drop, namesOf } from "./drops.js";
import { compareLedgers, type Entry } from "./ledger.js";
import type { Seen } from "./observe.js";
import { type Options, setupOf } from "./options.js";
import { type Script, toTakeBack } from "./scripts.js";

/** What all steps get. */
export type Input = {
  readonly release: string;
  /** The ledger as it has to be before the step, oldest first. */
  readonly before: readonly Entry[];
  /** The rows that the step takes out of it. */
  readonly takes: readonly Entry[];
  readonly scripts?: readonly Script[];
  readonly last?: boolean;
};

export type KeepInput = { readonly keep: readonly Pick<Drop, "table" | "column">[] };

export function plan({ captured, observed, options, intent }: PlanInput<Options, Data, Seen>): StepSpec[] {
  if (!intent.restore || captured === undefined || observed.identity === captured.identity) return [];
  const { data: seen } = observed;
  const { added, gone } = compareLedgers(captured.data.ledger, seen.ledger);
  const names = toTakeBack(added).map(({ name }) => name);
  const kept = keptDrops(seen.drops, intent.keep);
  refuse(
    [
      ...gone.map(({ name }) => `migration "${name}" is not in the ledger any more, or was entered anew`),
      ...(added.length === 0 && gone.length === 0
        ? [`no migration has come since, but the schema differs: ${listed(seen.differences)}`]
        : []),
      ...seen.missing.map((name) => `${seen.release} does not have migration "${name}"`),
      ...kept.unknown.map((name) => `"${name}" cannot be kept: no table or column of that name goes`),
    ],
    seen,
  );
  const impact = impactOf(seen.drops, kept.drops, names);
  const steps =
    "script" in setupOf(options).way
      ? scripted(options, seen, added, impact)
      : byTool(options, seen, added, impact);
  return chained([...keeping(kept.drops), ...steps, ...leaving(options, added)]);
}

function refuse(wrong: readonly string[], seen: Seen): void {
  if (wrong.length === 0) return;
  throw new BackoutError("REFUSED", wrong.join("; "), {
    effect: "none",
    hint:
      seen.missing.length > 0
        ? "`release` has to lead to the newer release, which has the down steps: the older one never does"
        : "migrations cannot bring this back; restore the database, or bring it there by hand",
  });
}

function keptDrops(drops: readonly Drop[], keep: readonly string[]) {
  const named = (name: string): Drop[] => drops.filter((drop) => namesOf(drop).includes(name));
  return {
    drops: [...new Set(keep.flatMap(named))],
    unknown: keep.filter((name) => named(name).length === 0),
  };
}

const nameOf = ({ table, column }: Pick<Drop, "table" | "column">): string =>
  column === null ? `table ${table}` : `column ${table}.${column}`;

function impactOf(drops: readonly Drop[], kept: readonly Drop[], names: readonly string[]): Impact {
  const full = drops.filter(({ rows }) => rows > 0);
  const lost = full.filter((drop) => !kept.includes(drop));
  const loses = lost.map(
    (drop): DataLoss => ({
      what: nameOf(drop),
      [drop.column === null ? "inserted" : "updated"]: drop.rows,
      basis: drop.basis,
    }),
  );
  const said = full.map((drop) => {
    const saved = kept.includes(drop) ? ", kept beside it" : "";
    return `${nameOf(drop)} is dropped with ${drop.rows} ${drop.column === null ? "rows" : "values"}${saved}`;
  });
  return {
    changes: names.map((name) => ({ what: `migration ${name}`, before: "applied", after: "taken back" })),
    ...(loses.length === 0 ? {} : { loses }),
    ...(said.length === 0 ? {} : { irreversible: said.join("; ") }),
  };
}

const keeping = (drops: readonly Drop[]): StepSpec[] =>
  drops.length === 0
    ? []
    : [
        {
          operation: "keep",
          title: `keep the values of ${drops.map(nameOf).join(", ")}`,
          phase: "preserve",
          input: { keep: drops.map(({ table, column }) => ({ table, column })) } satisfies KeepInput,
          expectedMs: 500 + Math.ceil(drops.reduce((sum, { rows }) => sum + rows, 0) / 200),
        },
      ];

const plainly = (input: Input): { [key: string]: Json } => ({ ...input });

function scripted(options: Options, seen: Seen, added: readonly Entry[], impact: Impact): StepSpec[] {
  const { release, ledger: before, scripts, alone } = seen;
  const many = scripts.length;
  const how = alone.length === 0 ? "in one transaction" : `statement by statement from ${alone[0]} on`;
  return [
    {
      operation: "down",
      title: `take ${many === 1 ? `migration ${scripts[0]?.migration}` : `${many} migrations`} back by SQL, ${how}`,
      phase: "restore",
      input: plainly({ release, before, takes: added, scripts }),
      impact,
      ...(options.exclusive ? { exclusive: true } : {}),
      expectedMs: 2_000 * Math.max(1, many),
      timeoutMs: options.timeout * Math.max(1, many) + 30_000,
      retries: alone.length === 0 ? 2 : 1,
    },
  ];
}

function byTool(options: Options, seen: Seen, added: readonly Entry[], impact: Impact): StepSpec[] {
  const back = toTakeBack(added);
  let before = [...seen.ledger];
  return back.map((entry, index): StepSpec => {
    const input: Input = {
      release: seen.release,
      before,
      takes: [entry],
      ...(index === back.length - 1 ? { last: true } : {}),
    };
    before = before.filter((one) => one !== entry);
    return {
      operation: `down-${index + 1}`,
      title: `take migration ${entry.name} back by ${options.tool === "commands" ? (options.down ?? [])[0] : options.tool}`,
      phase: "restore",
      input: plainly(input),
      // The tool alone knows which of them drops what: all of it is said before the first.
      ...(index === 0 ? { impact } : {}),
      ...(options.exclusive ? { exclusive: true } : {}),
      expectedMs: 3_000,
      timeoutMs: options.timeout + 60_000,
    };
  });
}

const leaving = ({ checkout }: Options, added: readonly Entry[]): StepSpec[] =>
  checkout === undefined
    ? []
    : [
        {
          operation: "leave",
          title:
            checkout.generate === undefined
              ? `put the migrations' directories aside in ${checkout.folder}`
              : `put the migrations' directories aside and generate the client anew in ${checkout.folder}`,
          phase: "restore",
          input: { names: [...new Set(added.map(({ name }) => name))] },
          expectedMs: checkout.generate === undefined ? 200 : 10_000,
          timeoutMs: 600_000,
        },
      ];

const chained = (steps: readonly StepSpec[]): StepSpec[] =>
  steps.map((step, index) => {
    const before = steps[index - 1];
    return before === undefined || before.phase !== step.phase
      ? step
      : { ...step, needs: [before.operation] };
  });
