import { userInfo } from "node:os";

/** Who runs this. In a container the number often has no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid${process.getuid?.() ?? ""}`;
  }
}
