import { BackoutError } from "../../core/errors.js";

export interface Place {
  /** For messages: host, port and database, never a password. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
}

const shape = /^(rediss?):\/\/(?:(.*)@)?(\[[^\]]+\]|[^:/?@]+)(?::(\d+))?(?:\/(\d+)?)?$/;

export function placeOf(url: string): Place {
  const [, scheme, login, host, port, database] = shape.exec(url) ?? [];
  if (host === undefined) {
    throw new BackoutError("REFUSED", `redis: "${shownUrl(url)}" is not the URL of a Redis server`, {
      effect: "none",
      hint: "write redis://host:port/database, or rediss:// for TLS",
    });
  }
  const colon = login?.indexOf(":") ?? -1;
  const user = login === undefined ? "" : colon < 0 ? login : login.slice(0, colon);
  const password = login === undefined || colon < 0 ? "" : login.slice(colon + 1);
  const place = {
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port ?? 6379),
    database: Number(database ?? 0),
  };
  return {
    ...place,
    shown: shownUrl(url),
    user: user === "" ? undefined : decoded(user),
    password: password === "" ? undefined : decoded(password),
    tls: scheme === "rediss",
  };
}

/** A password with a stray percent sign was not encoded at all. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Without the part in which a password may be; also of a URL that holds references. */
export const shownUrl = (url: string): string => url.replace(/^(\w+:\/\/)(?:.*@)?/, "$1");
