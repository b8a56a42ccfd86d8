import type { StepJob } from "../../core/driver.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";

export type Job = StepJob<Options, Data>;
