import { BackoutError } from "../core/errors.js";
import {
  issueLimit,
  noteLimit,
  type ProblemKind,
  type ProblemReport,
  problemKinds,
  sameIssue,
  standing,
} from "../core/problem-report/problem-report.js";
import type { Services } from "./services.js";

export interface ProblemWords {
  readonly kind?: string | undefined;
  readonly issue?: string | undefined;
  readonly note?: string | undefined;
}

export interface ReportedProblem {
  readonly report: ProblemReport;
  /** Of the same kind and issue within the last hour, this one included. */
  readonly alike: number;
}

const wrong = (message: string, hint: string): BackoutError =>
  new BackoutError("USAGE", message, { effect: "none", hint });

function checkedKind(kind: string | undefined): ProblemKind {
  const known = problemKinds.find((one) => one === kind);
  if (known !== undefined) return known;
  const message = kind === undefined ? "--kind: is missing" : `--kind: there is no kind "${kind}"`;
  throw wrong(message, `--kind ${problemKinds.join(", --kind ")}`);
}

function checkedText(flag: string, text: string | undefined, limit: number): string | undefined {
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  if (trimmed === "") throw wrong(`${flag}: is empty`, `say something, or leave out ${flag}`);
  if (trimmed.length <= limit) return trimmed;
  throw wrong(`${flag}: ${trimmed.length} characters, at most ${limit} are kept`, "say it shorter");
}

/** Writes down what somebody reports: on the disk when it returns. */
export async function reportProblem(services: Services, words: ProblemWords): Promise<ReportedProblem> {
  const { reports, ids, clock, actor, playbook } = services;
  const kind = checkedKind(words.kind);
  const issue = checkedText("--issue", words.issue, issueLimit);
  const note = checkedText("--note", words.note, noteLimit);
  const report: ProblemReport = {
    id: ids.next("pr"),
    at: clock.now(),
    by: actor,
    environment: playbook.environment,
    kind,
    ...(issue === undefined ? {} : { issue }),
    ...(note === undefined ? {} : { note }),
  };
  await reports.add(report);
  const { environment } = playbook;
  const hour = { kinds: [kind], over: 3_600_000, environment };
  const recent = standing(await reports.list(), hour, clock.now());
  const alike = recent.filter((one) => sameIssue(one.issue ?? "") === sameIssue(issue ?? ""));
  return { report, alike: alike.length };
}
