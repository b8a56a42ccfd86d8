import { BackoutError } from "../../core/errors.js";
import { isCode } from "./api-error.js";
import type { Kubernetes } from "./connect.js";
import { type Discovery, discover, type Kind } from "./discovery.js";
import type { KubernetesObject, LabelSelector, ObjectList } from "./objects.js";

/** Reading objects of one namespace. */
export interface Reader extends Discovery {
  readonly api: Kubernetes;
  /** Rejects with NOT_FOUND where there is none. */
  get<T extends KubernetesObject>(kind: Kind, name: string): Promise<T>;
  find<T extends KubernetesObject>(kind: Kind, name: string): Promise<T | undefined>;
  /** Empty where the cluster does not have the kind. A text is taken as the API takes it. */
  list<T extends KubernetesObject>(kind: Kind, selector?: string | LabelSelector): Promise<T[]>;
}

const pageSize = "500";

export function reader(api: Kubernetes): Reader {
  const discovery = discover(api);
  const get: Reader["get"] = async (kind, name) =>
    api.json({ path: (await discovery.needed(kind)).path(name) });
  return {
    ...discovery,
    api,
    get,
    find: async <T extends KubernetesObject>(kind: Kind, name: string) => {
      try {
        return await get<T>(kind, name);
      } catch (error) {
        if (isCode(error, "NOT_FOUND")) return undefined;
        throw error;
      }
    },
    list: async <T extends KubernetesObject>(kind: Kind, labels?: string | LabelSelector) => {
      const selector = typeof labels === "object" ? selectorText(labels) : labels;
      const place = await discovery.served(kind);
      if (place === undefined) return [];
      return everyPage<T>(api, place.path(), selector === undefined ? {} : { labelSelector: selector });
    },
  };
}

/** The whole of a list that is handed out in parts. */
export async function everyPage<T>(
  api: Kubernetes,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<T[]> {
  const items: T[] = [];
  let next: string | undefined = "";
  while (next !== undefined) {
    const page: ObjectList<T> = await api.json({
      path,
      query: { limit: pageSize, ...query, ...(next === "" ? {} : { continue: next }) },
    });
    items.push(...page.items);
    next = page.metadata.continue || undefined;
  }
  return items;
}

/** The same, asking for each thing once, however often it is wanted: one look, and what is seen fits together. */
export function remembering(read: Reader): Reader {
  const known = new Map<string, Promise<unknown>>();
  const once = <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const asked = (known.get(key) as Promise<T> | undefined) ?? ask();
    known.set(key, asked);
    return asked;
  };
  return {
    ...read,
    get: (kind, name) => once(`get ${kind}/${name}`, () => read.get(kind, name)),
    find: (kind, name) => once(`find ${kind}/${name}`, () => read.find(kind, name)),
    list: (kind, selector) =>
      once(`list ${kind} ${JSON.stringify(selector ?? "")}`, () => read.list(kind, selector)),
  };
}

/** The same for many objects of a namespace: each kind is listed once, when it is first asked for. */
export function wholeNamespace(read: Reader): Reader {
  const lists = new Map<Kind, Promise<Map<string, KubernetesObject>>>();
  const all = (kind: Kind): Promise<Map<string, KubernetesObject>> => {
    const known =
      lists.get(kind) ??
      read.list(kind).then((items) => new Map(items.map((one) => [one.metadata.name, one])));
    lists.set(kind, known);
    return known;
  };
  const find = async <T extends KubernetesObject>(kind: Kind, name: string): Promise<T | undefined> =>
    (await all(kind)).get(name) as T | undefined;
  return {
    ...read,
    find,
    get: async <T extends KubernetesObject>(kind: Kind, name: string) => {
      const found = await find<T>(kind, name);
      if (found !== undefined) return found;
      throw new BackoutError("NOT_FOUND", `${read.api.server}: there is no ${kind} "${name}"`, {
        effect: "none",
      });
    },
    list: async <T extends KubernetesObject>(kind: Kind, selector?: string | LabelSelector) => {
      if (typeof selector === "string") return read.list<T>(kind, selector);
      const items = [...(await all(kind)).values()] as T[];
      return selector === undefined
        ? items
        : items.filter(({ metadata }) => matchesSelector(selector, metadata.labels ?? {}));
    },
  };
}

const operators: Readonly<Record<string, (key: string, values: string) => string>> = {
  In: (key, values) => `${key} in (${values})`,
  NotIn: (key, values) => `${key} notin (${values})`,
  Exists: (key) => key,
  DoesNotExist: (key) => `!${key}`,
};

/** A selector as the API's query takes it. */
export function selectorText({ matchLabels, matchExpressions }: LabelSelector): string {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const others = (matchExpressions ?? []).map(
    ({ key, operator, values }) => operators[operator]?.(key, (values ?? []).join(",")) ?? key,
  );
  return [...equal, ...others].join(",");
}

/** Whether labels match a plain selector, as a Service has one. */
export const matchesLabels = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value);

/** The same for one with expressions. An empty one matches everything. */
export const matchesSelector = (
  { matchLabels, matchExpressions }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean =>
  matchesLabels(matchLabels ?? {}, labels) &&
  (matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === "In") return value !== undefined && values.includes(value);
    if (operator === "NotIn") return value === undefined || !values.includes(value);
    return (operator === "Exists") === (value !== undefined);
  });
