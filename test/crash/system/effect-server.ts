import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Counts every POST, tells the count of a path to everybody else. Lives on while runs are killed. */
export async function effectServer() {
  const counts = new Map<string, number>();
  const server = createServer(({ method, url = "" }, response) => {
    if (method === "POST") counts.set(url, (counts.get(url) ?? 0) + 1);
    response.end(String(counts.get(url) ?? 0));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    /** Where the system of this name sends its requests. */
    url: (system: string): string => `http://127.0.0.1:${port}/${system}`,
    /** Of that system: path → how often. */
    counts: (system: string): Map<string, number> => {
      const own = [...counts].filter(([path]) => path.startsWith(`/${system}/`));
      return new Map(own.map(([path, count]) => [path.slice(system.length + 2), count]));
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
