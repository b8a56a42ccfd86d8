import picocolors from "picocolors";

export type Paint = (text: string) => string;

/** Colours by meaning. Without colour each returns its text. */
export interface Palette {
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  readonly dim: Paint;
  readonly strong: Paint;
  readonly accent: Paint;
}

const palettes = new Map<boolean, Palette>();

export function palette(colour: boolean): Palette {
  let found = palettes.get(colour);
  if (found === undefined) {
    const { green, red, yellow, dim, bold, cyan } = picocolors.createColors(colour);
    found = { good: green, bad: red, warn: yellow, dim, strong: bold, accent: cyan };
    palettes.set(colour, found);
  }
  return found;
}

/** NO_COLOR is a wish and wins; FORCE_COLOR is for pipes that end in a terminal. */
export function useColour(
  screen: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const { NO_COLOR: without, FORCE_COLOR: force, TERM: terminal } = environment;
  if (without !== undefined && without !== "") return false;
  if (force !== undefined) return force !== "0" && force !== "false";
  return screen.isTTY === true && terminal !== "dumb";
}
