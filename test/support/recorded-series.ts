/** One series of a metric: its value at a time, nothing where it was not there. */
export interface RecordedSeries {
  readonly metric: string;
  /** `code="200"`. */
  readonly labels?: string;
  readonly value: (at: number) => number | undefined;
}

/** What a Prometheus would have scraped from `from` to `to`, one sample every `every`, as OpenMetrics text. Milliseconds. */
export function recordedText(
  series: readonly RecordedSeries[],
  { from, to, every }: { readonly from: number; readonly to: number; readonly every: number },
): string {
  const lines: string[] = [];
  for (const metric of new Set(series.map((one) => one.metric))) {
    lines.push(`# TYPE ${metric} gauge`);
    for (const { labels = "", value } of series.filter((one) => one.metric === metric)) {
      for (let at = from; at <= to; at += every) {
        const there = value(at);
        if (there !== undefined) lines.push(`${metric}{${labels}} ${there} ${(at / 1_000).toFixed(3)}`);
      }
    }
  }
  return `${lines.join("\n")}\n# EOF\n`;
}
