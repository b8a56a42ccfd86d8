import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Something that Prometheus can scrape, whose numbers a test sets. */
export interface MetricsTarget {
  /** `host:port`. */
  readonly address: string;
  /** A series by its whole name (`jobs{queue="a"}`), and its value as it stands in the exposition. */
  set(series: string, value: number | string): void;
  remove(series: string): void;
  /** From now on it answers with this status. */
  answer(status: number): void;
  close(): Promise<void>;
}

export async function metricsTarget(): Promise<MetricsTarget> {
  const values = new Map<string, number | string>();
  let status = 200;
  const server = createServer((_request, response) => {
    const lines = [...values].map(([series, value]) => `${series} ${value}\n`);
    response.writeHead(status, { "content-type": "text/plain; version=0.0.4" }).end(lines.join(""));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (series, value) => void values.set(series, value),
    remove: (series) => void values.delete(series),
    answer: (next) => {
      status = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
