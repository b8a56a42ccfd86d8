import { localProcesses } from "../../../src/platform/process-identity.js";
import { systemClock } from "../../../src/platform/system-clock.js";
import { timeIds } from "../../../src/platform/time-ids.js";
import { checkpointStore } from "../../../src/storage/checkpoint-store.js";

/** Makes one checkpoint after another, each with many artifacts, until it is killed; says which are committed. */
const store = checkpointStore({
  folder: process.argv[2] ?? "",
  clock: systemClock,
  ids: timeIds(systemClock),
  processes: localProcesses,
});
for (;;) {
  const draft = await store.create({ system: "shop", environment: "test", by: "test" });
  for (const target of ["db", "cache"]) {
    const writer = draft.artifacts(target);
    for (let n = 0; n < 5; n++) await writer.write(`part-${n}`, Buffer.alloc(200_000 * n, target));
    const part = { driver: "none", options: {}, captureMs: 0, identity: target, summary: target, data: null };
    draft.setPart(target, { ...part, at: Date.now() });
  }
  const { id } = await draft.commit();
  process.stdout.write(`${id}\n`);
}
