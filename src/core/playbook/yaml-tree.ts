import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Problem } from "../errors.js";
import type { JsonObject } from "../json.js";
import { inOrder, placeIn, problemList, type Where } from "./where.js";
import { yamlMistakes } from "./yaml-errors.js";
import { type Aliases, TooMuchYaml, yamlFinder, yamlValues } from "./yaml-values.js";

const mostCharacters = 4_000_000;

export interface YamlTree {
  /** Absent where the text is no YAML, or no map. */
  readonly tree?: JsonObject;
  readonly where: Where;
  readonly problems: readonly Problem[];
}

const options = { prettyErrors: false, uniqueKeys: false, logLevel: "error" } as const;

const mostBrackets = 300;
const opening = new Set(["[", "{"].map((one) => one.charCodeAt(0)));
const closing = new Set(["]", "}"].map((one) => one.charCodeAt(0)));

/** A tower of brackets or dashes could take the parser's stack, and the process with it: it is not even tried. */
function nestsTooDeeply(text: string): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (opening.has(code)) depth += 1;
    else if (closing.has(code) && depth > 0) depth -= 1;
    if (depth > mostBrackets) return true;
  }
  // A quick look first: hardly any file has a run of these at all.
  return /(?:[-?:]\s){8}/.test(text) && /(?:[-?:]\s){200}/.test(text);
}

function parse(text: string) {
  if (nestsTooDeeply(text)) return undefined;
  try {
    const document = parseDocument(text, options);
    const tooDeep = document.errors.some(({ message }) => message.startsWith("Maximum call stack"));
    return tooDeep ? undefined : document;
  } catch {
    return undefined;
  }
}

/** YAML text → plain data and where each value stands. Never throws; limits what aliases and nesting can cost. */
export function yamlTree(text: string, file: string): YamlTree {
  const place = placeIn(text);
  const lineOf = (offset: number) => place(offset).line;
  const nowhere: Where = { file, text, place, find: () => undefined };
  const list = problemList(nowhere);
  const refuse = (message: string, hint?: string, offset = 0): YamlTree => {
    list.error([], message, hint, { offset });
    return { where: nowhere, problems: inOrder(list.problems) };
  };

  if (text.length > mostCharacters) {
    return refuse(`the file has ${text.length} characters; the limit is ${mostCharacters}`);
  }
  if (text.trim() === "") return refuse("the playbook is empty", "backout init writes a first one");
  const document = parse(text);
  if (document === undefined) return refuse("the file is too much: nested too deeply");

  const mistakes = yamlMistakes(document, file, lineOf);
  for (const { message, hint, offset } of mistakes) list.error([], message, hint, { offset });
  if (mistakes.some(({ harmless }) => !harmless)) return { where: nowhere, problems: inOrder(list.problems) };

  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return refuse("the playbook has no keys, only comments", "backout init writes a first one");
  }
  if (!isMap(contents)) {
    const kind = isSeq(contents) ? "a list" : "a text";
    return refuse(
      `a playbook is a map of keys; this is ${kind}`,
      "begin with: backout: 1",
      contents.range?.[0],
    );
  }
  try {
    const aliases: Aliases = new Map();
    const tree = yamlValues(contents, aliases, list, lineOf);
    return {
      tree,
      where: { ...nowhere, find: yamlFinder(contents, aliases) },
      problems: inOrder(list.problems),
    };
  } catch (error) {
    if (!(error instanceof TooMuchYaml)) throw error;
    return refuse(`the file is too much: ${error.message}`);
  }
}
