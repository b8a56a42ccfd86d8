import dotenv from "dotenv";
import type { Discovered, DriverContext } from "../../core/driver.js";

const file = ".env";

/** Databases that the folder's `.env` names by a URL. */
export async function discover({ host: { files } }: Pick<DriverContext, "host">): Promise<Discovered[]> {
  const bytes = await files.read(file).catch(() => undefined);
  return bytes === undefined ? [] : databasesIn(Buffer.from(bytes).toString());
}

/** Each database once. What belongs to the program that reads the URL (`?schema=…`) is left out, and so is the password. */
export function databasesIn(text: string): Discovered[] {
  const found = new Map<string, Discovered>();
  for (const [key, value] of Object.entries(dotenv.parse(text))) {
    if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) continue;
    const url = new URL(value);
    const [host, user, database] = [url.hostname, url.username, url.pathname.slice(1)].map(decoded);
    if (!host || !user || !database) continue;
    const port = url.port === "" ? 5432 : Number(url.port);
    const place = `${host}:${port}/${database}`;
    if (found.has(place)) continue;
    const secret = url.password !== "";
    found.set(place, {
      name: database,
      with: {
        ...{ host: host.replace(/^\[|\]$/g, ""), port, user, database },
        ...(secret ? { password: "${env:PGPASSWORD}" } : {}),
      },
      because: `${file} names it as ${key}${secret ? "; its password is not copied: give it to backout as PGPASSWORD" : ""}`,
    });
  }
  return [...found.values()];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
