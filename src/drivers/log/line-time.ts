const iso = /\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?/;
const accessLog = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\]/;
const epoch = /"(?:time|ts|timestamp)"\s*:\s*(\d{10})(\d{3})?(?:\.\d+)?\b/;
/** A time stands near the beginning, whatever follows. */
const searched = 400;

/**
 * The time that stands in a line, milliseconds since the epoch: ISO 8601 (UTC where it names no zone), that of access logs,
 * or seconds or milliseconds in JSON. `undefined` where there is none.
 */
export function lineTime(line: string): number | undefined {
  const head = line.slice(0, searched);
  const [found, day, time, fraction, zone] = iso.exec(head) ?? [];
  if (found !== undefined) {
    const at = Date.parse(`${day}T${time}.${(fraction ?? "0").padEnd(3, "0").slice(0, 3)}${zoneText(zone)}`);
    return Number.isNaN(at) ? undefined : at;
  }
  const access = accessLog.exec(head);
  if (access !== null) {
    const [, date, month, year, clock, hours, minutes] = access;
    const at = Date.parse(`${date} ${month} ${year} ${clock} ${hours}${minutes}`);
    return Number.isNaN(at) ? undefined : at;
  }
  const [, seconds, milliseconds] = epoch.exec(head) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000 + Number(milliseconds ?? 0);
}

const zoneText = (zone: string | undefined): string =>
  zone === undefined || zone === "Z"
    ? "Z"
    : zone.length === 5
      ? `${zone.slice(0, 3)}:${zone.slice(3)}`
      : zone;
