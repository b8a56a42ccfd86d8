import type { Connection } from "./connect.js";

export type Info = Readonly<Record<string, string>>;

export const parseInfo = (text: string): Info =>
  Object.fromEntries(
    text.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return line.startsWith("#") || colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );

export const infoOf = async (redis: Connection, section?: string): Promise<Info> =>
  parseInfo(await (section === undefined ? redis.info() : redis.info(section)));

/** `undefined` where the server, or what stands between, does not permit it. */
export async function configOf(redis: Connection, name: string): Promise<string | undefined> {
  try {
    const answer = await redis.call("CONFIG", "GET", name);
    const value: unknown = Array.isArray(answer) ? answer[1] : undefined;
    return typeof value === "string" ? value : undefined;
  } catch (error) {
    if (error instanceof Error && error.name === "ReplyError") return undefined;
    throw error;
  }
}

/** Empty where the server does not permit to ask. */
export async function modulesOf(redis: Connection): Promise<{ name: string; path: string }[]> {
  const answer = await redis.call("MODULE", "LIST").catch((error: unknown) => {
    if (error instanceof Error && error.name === "ReplyError") return [];
    throw error;
  });
  return (Array.isArray(answer) ? answer : []).map((row: unknown) => {
    const about: unknown[] = Array.isArray(row) ? row : [];
    const text = (key: string): string => String(about[about.indexOf(key) + 1] ?? "");
    return { name: text("name"), path: about.includes("path") ? text("path") : "its file" };
  });
}

/** How the server keeps its data. */
export type Persistence = {
  readonly save: string | null;
  readonly appendOnly: boolean;
};

export async function persistenceOf(redis: Connection, info: Info): Promise<Persistence> {
  return {
    save: (await configOf(redis, "save")) ?? null,
    appendOnly: info["aof_enabled"] === "1",
  };
}

export const persistenceText = ({ save, appendOnly }: Persistence): string => {
  const points = save === null ? "save points unknown" : save === "" ? "no save points" : `save "${save}"`;
  return `${points}, append-only ${appendOnly ? "on" : "off"}`;
};
