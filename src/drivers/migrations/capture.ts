import { createHash } from "node:crypto";
import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import type { ArtifactReader } from "../../core/ports.js";
import { fingerprintOf, type Line, readCatalog } from "./catalog.js";
import { type Entry, readLedger } from "./ledger.js";
import { type Options, setupOf } from "./options.js";
import { followLinks } from "./release.js";

export const artifactName = "schema.json";

export type Data = {
  readonly ledger: readonly Entry[];
  readonly fingerprint: string;
};

export const identityOf = (ledger: readonly Entry[], fingerprint: string): string => {
  const rows = ledger.map(({ name, row, state }) => [name, row, state]);
  return `sha256:${createHash("sha256")
    .update(JSON.stringify([rows, fingerprint]))
    .digest("hex")}`;
};

export const summaryOf = (ledger: readonly Entry[]): string => {
  const last = ledger.findLast(({ state }) => state === "applied");
  return last === undefined ? "no migration applied" : `${ledger.length} migrations, last "${last.name}"`;
};

export async function capture(options: Options, context: CaptureContext): Promise<Captured<Data>> {
  const setup = setupOf(options);
  // Needed only where a program lists the migrations.
  const release = setup.ledger === undefined ? await followLinks(options.release, context.host.files) : "";
  const { ledger, catalog } = await withConnection(serverOf(options), context, async (connection) => {
    await connection.run("begin transaction isolation level repeatable read read only");
    return {
      ledger: await readLedger(options, setup, connection, context, release),
      catalog: await readCatalog(options, connection),
    };
  });
  await context.artifacts.write(artifactName, JSON.stringify(catalog));
  const fingerprint = fingerprintOf(catalog);
  return {
    identity: identityOf(ledger, fingerprint),
    summary: summaryOf(ledger),
    data: { ledger, fingerprint },
  };
}

export async function capturedCatalog(artifacts: ArtifactReader): Promise<Line[]> {
  return JSON.parse(Buffer.from(await artifacts.read(artifactName)).toString()) as Line[];
}
