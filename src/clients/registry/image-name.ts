export interface Repository {
  /** `ghcr.io`, `127.0.0.1:5000`. */
  readonly host: string;
  /** `shop/api`. */
  readonly path: string;
}

/** Where an image lies: a first part that is a host, else Docker Hub. Tag and digest do not matter. */
export function repositoryOf(image: string): Repository {
  const name = image.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && (/[.:]/.test(first) || first === "localhost")) {
    return { host: first, path: rest.join("/") };
  }
  return { host: "docker.io", path: rest.length > 0 ? name : `library/${name}` };
}
