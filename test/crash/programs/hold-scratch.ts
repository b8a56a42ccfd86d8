import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { localProcesses } from "../../../src/platform/process-identity.js";
import { systemClock as clock } from "../../../src/platform/system-clock.js";
import { scratchFolders } from "../../../src/storage/scratch-folder.js";

/** Works with a decrypted file until it is killed; says where. */
const [state = ""] = process.argv.slice(2);
const folder = await scratchFolders({ state, clock, processes: localProcesses })("prove-db").folder();
await writeFile(join(folder, "plain"), "nobody is to read this");
process.stdout.write(`${folder}\n`);
setInterval(() => {}, 1000);
