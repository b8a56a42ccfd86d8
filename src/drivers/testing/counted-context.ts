import type { StepContext } from "../../core/driver.js";

/** There are many, and their number changes: no moment to be killed at. */
const isLookAtProcesses = (subject: unknown): boolean =>
  typeof subject === "string" && subject.startsWith("/proc");

/** The context with `before` called ahead of every call that leaves the driver: file access, programs, requests, artifacts. */
export function countedContext(context: StepContext, before: () => void): StepContext {
  const counted = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, key, receiver) {
        const member: unknown = Reflect.get(target, key, receiver);
        if (typeof member !== "function") return member;
        return (...values: unknown[]) => {
          if (!isLookAtProcesses(values[0])) before();
          return Reflect.apply(member, target, values) as unknown;
        };
      },
    });
  const { host } = context;
  return {
    ...context,
    host: { ...host, exec: counted({ exec: host.exec }).exec, files: counted(host.files) },
    http: counted(context.http),
    artifacts: counted(context.artifacts),
  };
}
