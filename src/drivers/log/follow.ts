import { basename, dirname, join } from "node:path";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { LineSplitter } from "./lines.js";

const partBytes = 1024 * 1024;
/** Of one reading: more would take longer than the interval, and keep everything else waiting. */
const mostBytes = 32 * partBytes;

/** How far a file has been read, and since when it is followed. */
export class FollowedFile {
  private readonly path: string;
  private file: string | undefined;
  private offset = 0;
  private splitter = new LineSplitter(false);
  private missing = false;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Hands on every line that was added since the last call; the first call only finds the end. A file that was moved
   * away is read to its end under its new name first. Throws where it cannot be read, which is not the same as no line.
   */
  async read(context: DriverContext, onLine: (line: string) => void): Promise<"began" | "followed"> {
    const now = await this.look(context);
    if (this.file === undefined) {
      this.begin(
        now.file,
        this.missing ? 0 : now.size,
        !this.missing && (await this.endsWithin(now.size, context)),
      );
      const began = !this.missing;
      this.missing = false;
      if (began) return "began";
    }
    if (now.file !== this.file) {
      const moved = await this.movedTo(context);
      if (moved !== undefined) await this.readOn(moved.path, moved.size, context, onLine);
      this.begin(now.file, 0, false);
    } else if (now.size < this.offset) {
      this.begin(now.file, 0, false);
    }
    await this.readOn(this.path, now.size, context, onLine);
    return "followed";
  }

  private begin(file: string, offset: number, midLine: boolean): void {
    this.file = file;
    this.offset = offset;
    this.splitter = new LineSplitter(midLine);
  }

  /** Whether the file ends within a line. */
  private async endsWithin(size: number, { host }: DriverContext): Promise<boolean> {
    if (size === 0) return false;
    const { data } = await host.files.readPart(this.path, size - 1, 1);
    return data[0] !== 10;
  }

  private async look({ host }: DriverContext) {
    try {
      return await host.files.readPart(this.path, 0, 0);
    } catch (error) {
      // Once it is there, all of it is new.
      if (error instanceof BackoutError && error.code === "NOT_FOUND") this.missing = true;
      throw error;
    }
  }

  /** A rotated file lies beside the new one, under a longer name. */
  private async movedTo({ host }: DriverContext): Promise<{ path: string; size: number } | undefined> {
    const folder = dirname(this.path);
    const name = basename(this.path);
    const others = (await host.files.list(folder)).filter(
      (one) => one.kind === "file" && one.name.startsWith(name),
    );
    for (const other of others) {
      const path = join(folder, other.name);
      const found = await host.files.readPart(path, 0, 0).catch(() => undefined);
      if (found !== undefined && found.file === this.file) return { path, size: found.size };
    }
    return undefined;
  }

  private async readOn(
    path: string,
    size: number,
    { host, signal, name }: DriverContext,
    onLine: (line: string) => void,
  ): Promise<void> {
    if (size - this.offset > mostBytes) {
      const megabytes = Math.round((size - this.offset) / partBytes);
      this.begin(this.file ?? "", size, true);
      const fact = `${path} has grown by ${megabytes} MiB since the last reading, more than is read at once`;
      throw new BackoutError("UNREACHABLE", `${name}: could not measure, ${fact}`, {
        effect: "none",
        hint: "read it more often (`every`), or log less",
      });
    }
    while (this.offset < size) {
      signal.throwIfAborted();
      const { data } = await host.files.readPart(path, this.offset, Math.min(partBytes, size - this.offset));
      if (data.length === 0) return;
      this.offset += data.length;
      for (const line of this.splitter.push(data)) onLine(line);
    }
  }
}
