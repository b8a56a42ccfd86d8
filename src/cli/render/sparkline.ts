const bars = [..."▁▂▃▄▅▆▇█"];

/** Values as bars between their least and their most, the newest at the right; a gap where nothing was measured. */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const shown = values.slice(Math.max(0, values.length - width));
  const known = shown.filter((value): value is number => value !== undefined && Number.isFinite(value));
  const least = known.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const most = known.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return shown
    .map((value) => {
      if (value === undefined || !Number.isFinite(value)) return " ";
      if (most === least) return bars[0];
      return bars[Math.min(bars.length - 1, Math.floor(((value - least) / (most - least)) * bars.length))];
    })
    .join("");
}

/** `0.42`, `132 ms`, `500`: as many digits as mean something, the unit where it is one. */
export function valueText(value: number, unit?: string): string {
  const text = Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
  return unit === undefined || unit === "ratio" || unit === "status" ? text : `${text} ${unit}`;
}
