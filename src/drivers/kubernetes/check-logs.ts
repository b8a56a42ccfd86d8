import type { Check } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Looking } from "./looking.js";

/** More than this of one container's logs is not read; the newest lines are. */
const mostBytes = 4 * 2 ** 20;

/** H41: logs that could not be read are no logs without errors. */
export async function logs(looking: Looking): Promise<Check[]> {
  const { state, wanted, read, subject: workload } = looking;
  if (wanted.logs === undefined) return [];
  const { since, pattern, allow } = wanted.logs;
  const name = `${workload}: error lines in the last ${since / 1000} s`;
  const expected = `at most ${allow}`;
  const matches = new RegExp(pattern, "i");
  const containers = state.pods.flatMap((pod) =>
    pod.spec.containers.map(({ name }) => ({ pod, container: name })),
  );
  const place = await read.needed("Pod");
  const results = await Promise.all(
    containers.map(async ({ pod, container }) => {
      const subject = `${pod.metadata.name}/${container}`;
      try {
        const text = await read.api.text({
          path: `${place.path(pod.metadata.name)}/log`,
          query: { container, sinceSeconds: String(Math.ceil(since / 1000)), limitBytes: String(mostBytes) },
        });
        const lines = text.split("\n").filter((line) => matches.test(line));
        const cut = Buffer.byteLength(text) >= mostBytes;
        return {
          subject,
          lines,
          unread: cut ? "has more than 4 MiB, of which the rest was not read" : undefined,
        };
      } catch (error) {
        if (!(error instanceof BackoutError)) throw error;
        return { subject, lines: [], unread: error.message };
      }
    }),
  );
  const found = results.reduce((total, { lines }) => total + lines.length, 0);
  const unread = results.flatMap((one) =>
    one.unread === undefined ? [] : [`${one.subject}: ${one.unread}`],
  );
  if (found > allow) {
    const where = results.filter(({ lines }) => lines.length > 0);
    const shown = where.map(
      ({ subject, lines }) => `${subject}: ${lines.length}, last "${excerpt(lines.at(-1))}"`,
    );
    return [{ name, result: "failed", expected, actual: `${found}: ${shown.join("; ")}` }];
  }
  if (results.length === 0)
    return [{ name, result: "error", expected, message: "there are no pods to read from" }];
  if (unread.length > 0) return [{ name, result: "error", expected, message: unread.join("; ") }];
  return [{ name, result: "passed", expected, actual: `${found} in ${results.length} containers` }];
}

const excerpt = (line: string | undefined): string => (line ?? "").trim().slice(0, 160);
