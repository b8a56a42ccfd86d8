import { open } from "node:fs/promises";

/** Its first page is no page any more, as after a fault of the disk. */
export async function spoilFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(64, 0xee), 0, 64, 0);
  await file.close();
}
