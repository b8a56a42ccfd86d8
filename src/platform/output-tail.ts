import { StringDecoder } from "node:string_decoder";

const keptBytes = 2 ** 20;
const longestLine = 2 ** 16;
/** A secret cut in two is not recognised: so whatever lies this close to a cut is dropped after redaction. */
const slack = 2 ** 13;

type Redact = (text: string) => string;

/** The last 1 MiB of a stream, whatever its length and encoding. */
export function outputTail(redact: Redact) {
  const chunks: Buffer[] = [];
  let held = 0;
  let cut = false;
  return {
    push(chunk: Buffer): void {
      chunks.push(chunk);
      held += chunk.length;
      for (let first = chunks[0]; first && held - first.length >= keptBytes; first = chunks[0]) {
        held -= first.length;
        chunks.shift();
        cut = true;
      }
    },
    text(): string {
      const all = Buffer.concat(chunks);
      const tail = redact(all.subarray(Math.max(0, all.length - keptBytes)).toString("utf8"));
      return cut || all.length > keptBytes ? tail.slice(slack) : tail;
    },
  };
}

/** Hands on each line as soon as it is whole; cuts lines that never end. */
export function lineSplitter(redact: Redact, onLine: (line: string) => void) {
  const decoder = new StringDecoder("utf8");
  let line = "";
  let overlong = false;
  const append = (part: string) => {
    overlong ||= line.length + part.length > longestLine;
    line = (line + part).slice(0, longestLine);
  };
  const emit = () => {
    const text = redact(line.endsWith("\r") ? line.slice(0, -1) : line);
    onLine(overlong ? `${text.slice(0, -slack)}…` : text);
    line = "";
    overlong = false;
  };
  return {
    push(chunk: Buffer): void {
      const [first = "", ...rest] = decoder.write(chunk).split("\n");
      append(first);
      for (const part of rest) {
        emit();
        append(part);
      }
    },
    end(): void {
      append(decoder.end());
      if (line !== "") emit();
    },
  };
}
