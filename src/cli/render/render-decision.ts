import type { DecidedNow } from "../../app/decide-now.js";
import type { Decision } from "../../core/decision/decide.js";
import type { PathStep } from "../../core/decision/walk-tree.js";
import { plainText } from "../../core/report/plain-text.js";
import { type Palette, palette } from "./colour.js";
import { durationText, listText } from "./format.js";
import { hanging, table } from "./layout.js";
import type { RenderOptions } from "./render-options.js";
import { evidenceText, levelPaint } from "./watch-events.js";

/** The verdict and its evidence, the path walked, and where it ends. */
export function renderDecision(
  { decision, change }: Omit<DecidedNow, "at" | "statuses">,
  scope: { readonly system: string; readonly environment: string },
  options: RenderOptions,
): string {
  const paint = palette(options.colour);
  const { verdict, path } = decision;
  const colour = levelPaint(verdict.level, paint);
  const out = change === undefined ? "" : `, change ${change}`;
  const evidence = verdict.level === "GREEN" ? "" : listText(verdict.evidence.map(evidenceText));
  return [
    `${paint.strong(colour(verdict.level))} ${plainText(`${scope.system}/${scope.environment}${out}`)}`,
    ...(evidence === "" ? [] : hanging("  ", plainText(evidence), options.width, { text: colour })),
    "",
    ...pathLines(path, options, paint),
    ...(path.length === 0 ? [] : [""]),
    ...endLines(decision, change, options, paint),
  ].join("\n");
}

/** Of a long list of rules that do not hold only the last few are shown. */
const mostSteps = 20;

function pathLines(path: readonly PathStep[], { width }: RenderOptions, paint: Palette): string[] {
  const hidden = Math.max(0, path.length - mostSteps);
  const rows = path.slice(hidden).map(({ text, answer, by }) => [
    { text: answer, paint: by === "unknown" ? paint.warn : answer === "no" ? paint.dim : paint.strong },
    plainText(text),
    {
      text: { signals: "by the signals", person: "by a person", unknown: "could not be judged" }[by],
      paint: paint.dim,
    },
  ]);
  const lines = table(rows, [{}, { min: 16 }, { optional: 1 }], { width, indent: 2 });
  return hidden === 0 ? lines : [paint.dim(`  ${hidden} rules before these do not hold`), ...lines];
}

function endLines(
  { recommendation: made, say, question }: Decision,
  change: string | undefined,
  { width }: RenderOptions,
  paint: Palette,
): string[] {
  const text = (label: string, words: string) =>
    hanging(label, plainText(words), width, { label: paint.dim });
  if (question !== undefined) {
    return [
      ...text("open  ", `${question.ask}${question.why === undefined ? "" : ` ${question.why}`}`),
      `hint: backout decide --answer ${question.name}=${question.answers.join("|")}`,
    ];
  }
  if (say !== undefined) return [...text("no rollback  ", say.text), ...text("why          ", say.why)];
  if (made === undefined) return ["nothing is to be done: no rule holds"];
  const { scenario, mode, asked, why, because, held, rto } = made;
  const changed = mode === asked ? mode : `${mode} (the playbook says ${asked})`;
  return [
    ...text("way back  ", scenario),
    ...text("mode      ", changed),
    ...text("why       ", why),
    ...(because === undefined ? [] : text("          ", because)),
    ...held.flatMap((one) => text("held      ", one.why)),
    ...(rto === undefined
      ? []
      : text("within    ", `${durationText(rto.ms)} from the first bad sample (class ${rto.class})`)),
    `hint: backout plan ${scenario}${change === undefined ? "" : ` --change ${change}`}`,
  ];
}
