import type { Checkpoint } from "../../core/checkpoint/manifest.js";
import { type ProofRecord, type ProofStanding, proofStanding } from "../../core/checkpoint/proof-record.js";
import type { RetentionChoice } from "../../core/checkpoint/retention.js";
import { proofLevels } from "../../core/driver.js";
import type { GivenOrigin } from "../../core/given-file.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Palette, palette } from "./colour.js";
import { ageText, bytesText, durationText, listText, localText, plural, roughText } from "./format.js";
import { type Cell, hanging, table } from "./layout.js";
import { resultWords } from "./render-checks.js";
import type { RenderOptions } from "./render-options.js";

export interface ProvenCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Target → its records, oldest first. */
  readonly proofs: Readonly<Record<string, readonly ProofRecord[]>>;
}

export interface CheckpointRendering extends RenderOptions {
  /** After this long a proof does not count any more. */
  readonly expireMs: number;
}

/** What there is to go back to, newest first. */
export function renderCheckpoints(rows: readonly ProvenCheckpoint[], options: CheckpointRendering): string {
  if (rows.length === 0) return "there is no checkpoint yet\n  hint: backout checkpoint";
  const paint = palette(options.colour);
  const header = ["checkpoint", "age", "change", "parts", "size", "proof", "", ""].map((text) => ({
    text,
    paint: paint.dim,
  }));
  const cells = rows
    .toSorted((a, b) => b.checkpoint.at - a.checkpoint.at)
    .map((row): (Cell | string)[] => {
      const { checkpoint } = row;
      const weakest = weakestPart(row, options);
      return [
        checkpoint.id,
        roughText(Math.max(0, options.now - checkpoint.at)),
        plainText(checkpoint.change ?? ""),
        String(Object.keys(checkpoint.parts).length),
        bytesText(sizeOf(checkpoint)),
        standingCell(weakest?.standing, paint),
        { text: evidence(weakest?.standing, weakest?.records ?? [], options.now), paint: paint.dim },
        checkpoint.pinned ? "pinned" : "",
      ];
    });
  const columns = [
    {},
    {},
    { min: 8, optional: 2 },
    { align: "right", optional: 1 },
    { align: "right", optional: 4 },
    { min: 8 },
    { min: 18, optional: 3 },
    { optional: 5 },
  ] as const;
  return table([header, ...cells], columns, { width: options.width }).join("\n");
}

const sizeOf = ({ parts }: Checkpoint): number =>
  Object.values(parts).reduce(
    (sum, part) => sum + part.artifacts.reduce((all, { bytes }) => all + bytes, 0),
    0,
  );

interface PartProof {
  readonly standing: ProofStanding;
  readonly records: readonly ProofRecord[];
}

/** A checkpoint is as good as the part that is proven least; one that keeps nothing has nothing to prove. */
function weakestPart(
  { checkpoint, proofs }: ProvenCheckpoint,
  { now, expireMs }: CheckpointRendering,
): PartProof | undefined {
  const rank = ({ standing }: PartProof): number =>
    standing.failed ? -2 : standing.expired ? -1 : proofLevels.indexOf(standing.level);
  const all = Object.keys(checkpoint.parts)
    .map((name) => proofs[name] ?? [])
    .map((records): PartProof => ({ records, standing: proofStanding(records, { now, expireMs }) }));
  const kept = all.filter((one) => rank(one) !== proofLevels.indexOf("declared"));
  return (kept.length > 0 ? kept : all).reduce<PartProof | undefined>(
    (least, one) => (least === undefined || rank(one) < rank(least) ? one : least),
    undefined,
  );
}

function standingCell(standing: ProofStanding | undefined, paint: Palette): Cell {
  if (standing === undefined) return { text: "empty", paint: paint.bad };
  if (standing.failed) return { text: "FAILED", paint: paint.bad };
  if (standing.expired) return { text: "expired", paint: paint.warn };
  if (standing.record === undefined) return { text: "unproven", paint: paint.warn };
  return { text: standing.level, paint: paint.good };
}

/** When it was last tried, and how long bringing it back took. */
function evidence(standing: ProofStanding | undefined, records: readonly ProofRecord[], now: number): string {
  const record = standing?.record ?? records.at(-1);
  if (record === undefined) return "";
  const took = record.restoreMs === undefined ? "" : ` in ${durationText(record.restoreMs)}`;
  return `${ageText(record.at, now)}${took}`;
}

/** One checkpoint with everything in it. */
export function renderCheckpoint(
  { checkpoint, proofs }: ProvenCheckpoint,
  options: CheckpointRendering,
): string {
  const paint = palette(options.colour);
  const { id, system, environment, change, at, by, digest, pinned } = checkpoint;
  const facts: [string, string][] = [
    ["of", `${system}/${environment}${change === undefined ? "" : `, before change ${change}`}`],
    ["taken", `${localText(at, options.utcOffset)}, ${ageText(at, options.now)}, by ${by}`],
    ["size", `${bytesText(sizeOf(checkpoint))} in ${plural(Object.keys(checkpoint.parts).length, "part")}`],
    ["digest", digest],
    ...(pinned ? ([["pinned", "kept whatever retention says"]] as [string, string][]) : []),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  return [
    paint.strong(id),
    ...facts.flatMap(([label, text]) =>
      hanging(`  ${label.padEnd(width)}  `, plainText(text), options.width, { label: paint.dim }),
    ),
    ...Object.keys(checkpoint.parts).flatMap((name) => [
      "",
      ...partLines(name, { checkpoint, proofs }, options, paint),
    ]),
  ].join("\n");
}

function partLines(
  name: string,
  { checkpoint, proofs }: ProvenCheckpoint,
  options: CheckpointRendering,
  paint: Palette,
): string[] {
  const part = checkpoint.parts[name];
  if (part === undefined) return [];
  const records = proofs[name] ?? [];
  const standing = proofStanding(records, { now: options.now, expireMs: options.expireMs });
  const state = standingCell(standing, paint);
  const found = evidence(standing, records, options.now);
  const artifacts = part.artifacts.map(({ name: file, bytes, digest, encrypted }) => [
    plainText(file),
    bytesText(bytes),
    encrypted ? "encrypted" : "",
    { text: digest.slice(0, 19), paint: paint.dim },
  ]);
  return [
    `${paint.accent(plainText(name))}  ${paint.dim(part.driver)}`,
    ...hanging("  ", plainText(part.summary), options.width),
    ...givenLines(part.given, options.width, paint),
    `  ${state.paint?.(state.text) ?? state.text}${found === "" ? "" : paint.dim(`, ${found}`)}`,
    ...table(artifacts, [{ min: 10 }, { align: "right" }, { optional: 2 }, { optional: 1 }], {
      width: options.width,
      indent: 2,
    }),
    ...(records.at(-1)?.checks ?? []).flatMap((check) => {
      const { symbol, colour, word } = resultWords(check.result, paint);
      const said = check.result === "passed" ? (check.actual ?? "") : `${word} ${check.message ?? ""}`;
      const text = plainText(`${check.name}${said.trim() === "" ? "" : `: ${said}`}`);
      return hanging(`  ${symbol} `, text, options.width, { label: colour });
    }),
    ...(records.at(-1)?.unknown ?? []).flatMap((one) =>
      hanging("  ? ", plainText(`not known: ${one}`), options.width, { label: paint.warn }),
    ),
    ...(records.at(-1)?.notes ?? []).flatMap((one) =>
      hanging("  · ", plainText(one), options.width, { label: paint.dim }),
    ),
  ];
}

const givenLines = (given: GivenOrigin | undefined, width: number, paint: Palette): string[] =>
  given === undefined
    ? []
    : [
        ...hanging("  given: ", plainText(given.path), width, { label: paint.dim }),
        ...given.notes.flatMap((note) => hanging("  ? ", plainText(note), width, { label: paint.warn })),
      ];

/** What pruning keeps and removes, and why. */
export function renderRetention(
  choices: readonly RetentionChoice[],
  options: RenderOptions & { readonly dryRun: boolean },
): string {
  const paint = palette(options.colour);
  const removed = choices.filter(({ remove }) => remove).length;
  const word = options.dryRun ? "would be removed" : "removed";
  const rows = choices.map(({ id, remove, why }) => [
    id,
    { text: remove ? word : "kept", paint: remove ? paint.warn : paint.dim },
    { text: plainText(why), paint: paint.dim },
  ]);
  const total = `${listText([plural(removed, "checkpoint")])} ${word}, ${choices.length - removed} kept`;
  return [...table(rows, [{}, {}, { min: 12, optional: 1 }], { width: options.width }), total].join("\n");
}
