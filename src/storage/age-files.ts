import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Decrypter } from "age-encryption";
import { BackoutError } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";

export interface Encryption {
  /** age public keys. */
  readonly recipients: readonly string[];
  /** The age secret key, or a key file's whole text. Asked for only when something is read. */
  readonly identity?: (() => Promise<string>) | undefined;
}

/** Node's and the DOM's types for the same class do not agree. */
const toWeb = (stream: Readable) => Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>;
const fromWeb = (stream: ReadableStream<Uint8Array>) => Readable.fromWeb(stream);

const writeNew = (path: string) => createWriteStream(path, { flags: "wx", mode: 0o600 });

/** Streams, so that the size of a dump does not matter. */
export async function encryptFile(from: string, to: string, { recipients }: Encryption): Promise<void> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new BackoutError("REFUSED", `encryption.recipients: "${recipient}" is not an age public key`, {
        effect: "none",
        hint: "take the line that begins with age1 from what `age-keygen` prints",
        cause,
      });
    }
  }
  const source = createReadStream(from);
  try {
    await pipeline(fromWeb(await encrypter.encrypt(toWeb(source))), writeNew(to));
  } finally {
    source.destroy();
  }
}

async function secretKeys(from: string, encryption: Encryption | undefined): Promise<string[]> {
  const text = (await encryption?.identity?.()) ?? "";
  const keys = text.split(/\s+/).filter((word) => word.startsWith("AGE-SECRET-KEY-"));
  if (keys.length > 0) return keys;
  const fact =
    encryption?.identity === undefined
      ? "no secret key is configured"
      : "encryption.identity holds no age secret key";
  throw new BackoutError("REFUSED", `${from}: is encrypted, and ${fact}`, {
    effect: "none",
    hint: "name the key in the playbook: encryption.identity: ${file:path} or ${env:NAME}",
  });
}

/** Why not, without the library's message: that of an invalid key repeats the key. */
function decryptError(from: string, error: unknown): unknown {
  if (systemErrorCode(error) !== undefined) return error;
  const wrongKey = error instanceof Error && error.message.startsWith("no identity matched");
  return new BackoutError(
    wrongKey ? "DENIED" : "ARTIFACT_ALTERED",
    `${from}: ${wrongKey ? "is encrypted for another key" : "cannot be decrypted"}`,
    { effect: "none", hint: "check that encryption.identity is the key of one of that time's recipients" },
  );
}

export const decryptFile = (from: string, to: string, encryption?: Encryption): Promise<void> =>
  decrypted(from, encryption, async (decrypter) => {
    const source = createReadStream(from);
    try {
      await pipeline(fromWeb(await decrypter.decrypt(toWeb(source))), writeNew(to));
    } finally {
      source.destroy();
    }
  });

/** In memory: nothing is left on the disk, whatever becomes of this process. */
export const decryptBytes = (from: string, encryption?: Encryption): Promise<Buffer> =>
  decrypted(from, encryption, async (decrypter) => {
    const encrypted = await readFile(from);
    // Given bytes, the library collects them with `fetch`'s parts, which take longer to load than all the rest.
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encrypted);
        controller.close();
      },
    });
    return buffer(fromWeb(await decrypter.decrypt(source)));
  });

async function decrypted<T>(
  from: string,
  encryption: Encryption | undefined,
  take: (decrypter: Decrypter) => Promise<T>,
): Promise<T> {
  const keys = await secretKeys(from, encryption);
  const age = await import("age-encryption");
  const decrypter = new age.Decrypter();
  try {
    for (const key of keys) decrypter.addIdentity(key);
    return await take(decrypter);
  } catch (error) {
    throw decryptError(from, error);
  }
}
