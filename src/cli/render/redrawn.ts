import type { createLogUpdate } from "log-update";

type Stream = Parameters<typeof createLogUpdate>[0] & { readonly columns?: number | undefined };

/** A picture that is drawn over the one before, in place. */
export interface Redrawn {
  draw(picture: string): void;
  clear(): void;
  /** What was drawn last stays. */
  done(): void;
}

/**
 * The library draws only what has changed, and leaves lines behind where a picture has more or fewer of them than the one
 * before. It draws all where the first line has changed: a space behind that, every other time, is not seen.
 */
export async function redrawn(stream: Stream): Promise<Redrawn> {
  const { createLogUpdate } = await import("log-update");
  const log = createLogUpdate(stream);
  let last = "";
  let spaced = false;
  return {
    draw: (picture) => {
      const now = `${stream.columns} ${picture}`;
      if (now === last) return;
      last = now;
      spaced = !spaced;
      log(spaced ? picture.replace(/$/m, " ") : picture);
    },
    clear: () => {
      log.clear();
      last = "";
    },
    done: () => log.done(),
  };
}
