import { PassThrough } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { redrawn } from "./redrawn.js";

const escape = "\u001B";
const commands = new RegExp(`${escape}\\[([?\\d;]*)([A-Za-z])|([^${escape}])`, "g");

/** What stands on a terminal that was written this, as far as a picture needs it. */
function screenOf(written: string): string[] {
  const lines: string[] = [""];
  let [row, column] = [0, 0];
  for (const [, code, letter = "", text = ""] of written.matchAll(commands)) {
    const count = Number(code || 1);
    if (text === "\n") [row, column] = [row + 1, 0];
    else if (text !== "") {
      lines[row] =
        (lines[row] ?? "").padEnd(column).slice(0, column) + text + (lines[row] ?? "").slice(column + 1);
      column++;
    } else if (letter === "A") row = Math.max(0, row - count);
    else if (letter === "B") row += count;
    else if (letter === "G") column = count - 1;
    else if (letter === "K" && code === "2") lines[row] = "";
    else if (letter === "K") lines[row] = (lines[row] ?? "").slice(0, column);
    while (lines.length <= row) lines.push("");
  }
  return lines.map((line) => line.trimEnd());
}

const picture = fc.array(fc.constantFrom("", "a", "bb", "resource use: none", "tick 1"), {
  minLength: 1,
  maxLength: 12,
});

test("whatever was drawn before, the last picture stands there alone, however many lines each has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(picture, { minLength: 1, maxLength: 8 }), async (pictures) => {
      const stream = Object.assign(new PassThrough(), { columns: 80, rows: 40, isTTY: true });
      const written: string[] = [];
      stream.on("data", (part: Buffer) => written.push(part.toString()));
      const log = await redrawn(stream);
      for (const lines of pictures) log.draw(["title", ...lines].join("\n"));
      log.done();
      await new Promise((resolve) => setImmediate(resolve));
      const last = ["title", ...(pictures.at(-1) ?? [])].join("\n");
      expect(screenOf(written.join("")).join("\n").trimEnd()).toBe(last.trimEnd());
    }),
  );
});
