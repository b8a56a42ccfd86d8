import { pid as own } from "node:process";
import type { Files } from "../../core/ports.js";

/**
 * Process ids that have the file open, as far as this user may see (Linux; elsewhere none). Without a write-ahead log an
 * idle connection holds no lock, and would go on writing into the replaced file.
 */
export async function usersOfFile(files: Files, path: string): Promise<number[]> {
  const entries = await files.list("/proc").catch(() => []);
  const ids = entries.map((entry) => Number(entry.name)).filter((id) => Number.isInteger(id) && id !== own);
  const users: number[] = [];
  for (const id of ids) {
    const open = await files.list(`/proc/${id}/fd`).catch(() => []);
    const targets = await Promise.all(
      open.map((entry) => files.readLink(`/proc/${id}/fd/${entry.name}`).catch(() => "")),
    );
    if (targets.includes(path)) users.push(id);
  }
  return users;
}
