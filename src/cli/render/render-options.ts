import { useColour } from "./colour.js";

/** What every renderer is told about the place that its text goes to. */
export interface RenderOptions {
  /** Milliseconds since the epoch: ages are relative to it. */
  readonly now: number;
  /** Columns. */
  readonly width: number;
  readonly colour: boolean;
  /** Minutes east of UTC that times are shown in. Default: this machine's. */
  readonly utcOffset?: number;
}

/** The part of a stream that rendering looks at. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Text that does not go to a terminal is not cut: wrapped where it is prose. COLUMNS is for pipes that end in one. */
const widthWithoutTerminal = 120;

export function renderOptions(
  screen: Screen,
  environment: Readonly<Record<string, string | undefined>>,
  now: number,
): RenderOptions {
  const columns = screen.isTTY ? screen.columns : Number.parseInt(environment["COLUMNS"] ?? "", 10);
  const width = columns !== undefined && columns > 0 ? columns : widthWithoutTerminal;
  return { now, width, colour: useColour(screen, environment) };
}
