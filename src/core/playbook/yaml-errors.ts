import { type Document, visit, type YAMLError } from "yaml";

export interface YamlMistake {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
  /** Whether what was read is worth looking at all the same. */
  readonly harmless: boolean;
}

const isOpenQuote = (error: YAMLError) => error.code === "MISSING_CHAR" && error.message.includes("quote");

function explain(error: YAMLError, file: string): { message: string; hint?: string } {
  if (isOpenQuote(error)) return { message: "the quote opened here is never closed" };
  if (error.code === "TAB_AS_INDENT") {
    return {
      message: "a tab indents this line; YAML allows only spaces there",
      hint: `expand -t 2 ${file} > playbook.yaml`,
    };
  }
  if (error.code === "MULTIPLE_DOCS") {
    return {
      message: 'a second YAML document begins here ("---"); a playbook is one document',
      hint: "move it into a file of its own",
    };
  }
  if (error.message.includes("flow-map-start at node end")) {
    return {
      message: `not valid YAML: ${error.message}`,
      hint: 'between { and } put quotes around it: "${name}"',
    };
  }
  if (error.code === "BAD_INDENT") return { message: `wrong indentation: ${error.message}` };
  return { message: `not valid YAML: ${error.message}` };
}

/** An unclosed quote is reported at the end of the file; what one wants to see is where it was opened. */
function offsetOf(error: YAMLError, document: Document): number {
  let offset = error.pos[0];
  if (isOpenQuote(error)) {
    visit(document, {
      Scalar(_, { type, range }) {
        if (type?.startsWith("QUOTE_") && range) offset = range[0];
      },
    });
  }
  return offset;
}

/** What cannot stand where it does because of a mistake before it. */
const isEcho = (error: YAMLError) => /^Unexpected .* token in YAML stream/.test(error.message);

/** What the YAML library found, in plain words: the first of each line, since the others follow from it. */
export function yamlMistakes(
  document: Document,
  file: string,
  lineOf: (offset: number) => number,
): YamlMistake[] {
  const lines = new Set<number>();
  const mistakes: YamlMistake[] = [];
  for (const error of document.errors) {
    const offset = offsetOf(error, document);
    const line = lineOf(offset);
    if (lines.has(line) || (lines.size > 0 && isEcho(error))) continue;
    lines.add(line);
    mistakes.push({ offset, ...explain(error, file), harmless: error.code === "MULTIPLE_DOCS" });
  }
  for (const { pos, message } of document.warnings) {
    mistakes.push({ offset: pos[0], message: `not understood: ${message}`, harmless: true });
  }
  return mistakes;
}
