import type { Container, PodTemplate } from "../../clients/kubernetes/objects.js";

/** How a container gets one key of a ConfigMap. */
export interface KeyReader {
  readonly container: string;
  /** As a variable of this name, or … */
  readonly variable?: string;
  /** … as this file. */
  readonly file?: string;
}

/** None where no container of the template gets the key: whatever it is set to changes nothing there. */
export const keyReaders = (template: PodTemplate, configMap: string, key: string): KeyReader[] =>
  template.spec.containers.flatMap((one) => [
    ...variables(one, configMap, key).map((variable) => ({ container: one.name, variable })),
    ...files(template, one, configMap, key).map((file) => ({ container: one.name, file })),
  ]);

function variables({ env = [], envFrom = [] }: Container, configMap: string, key: string): string[] {
  const named = env.flatMap(({ name, valueFrom }) => {
    const from = valueFrom?.configMapKeyRef;
    return from?.name === configMap && from.key === key ? [name] : [];
  });
  // A variable that is set by itself hides one of the same name out of a whole ConfigMap.
  const set = new Set(env.map(({ name }) => name));
  const whole = envFrom
    .filter(({ configMapRef }) => configMapRef?.name === configMap)
    .map(({ prefix = "" }) => `${prefix}${key}`)
    .filter((name) => !set.has(name));
  return [...new Set([...named, ...whole])];
}

function files({ spec }: PodTemplate, container: Container, configMap: string, key: string): string[] {
  return (spec.volumes ?? []).flatMap(({ name, configMap: plain, projected }) => {
    const sources = [plain, ...(projected?.sources ?? []).map((one) => one.configMap)];
    const paths = sources.flatMap((one) => {
      if (one?.name !== configMap) return [];
      if (one.items === undefined) return [key];
      return one.items.filter((item) => item.key === key).map(({ path }) => path);
    });
    const mounts = (container.volumeMounts ?? []).filter((mount) => mount.name === name);
    return mounts.flatMap(({ mountPath, subPath }) =>
      paths.flatMap((path) => {
        if (subPath === undefined) return [`${mountPath.replace(/\/$/, "")}/${path}`];
        return subPath === path ? [mountPath] : [];
      }),
    );
  });
}
