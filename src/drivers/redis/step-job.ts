import type { StepJob } from "../../core/driver.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";

export type Job = StepJob<Options, Data>;

/** Called once, before the first write: from then on a failure's effect is unknown. */
export type Begin = () => Promise<void>;
