/** A line is cut here: what counts stands further ahead. */
const longest = 64 * 1024;

/** Takes bytes as they come, gives whole lines; what is left of the last one waits for its end. */
export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0);
  /** Within a line that was too long: its rest belongs to nothing. */
  private skipping: boolean;

  /** `midLine`: it begins somewhere in a line, of which nothing is given. */
  constructor(midLine: boolean) {
    this.skipping = midLine;
  }

  push(data: Uint8Array): string[] {
    const all = Buffer.concat([this.rest, data]);
    const lines: string[] = [];
    let from = 0;
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, from)) {
      if (!this.skipping) lines.push(text(all.subarray(from, end)));
      this.skipping = false;
      from = end + 1;
    }
    this.rest = all.subarray(from);
    if (this.rest.length > longest) {
      if (!this.skipping) lines.push(text(this.rest));
      this.skipping = true;
      this.rest = Buffer.alloc(0);
    }
    return lines;
  }
}

const text = (line: Buffer): string => line.subarray(0, longest).toString("utf8").replace(/\r$/, "");
