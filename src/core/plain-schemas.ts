import * as z from "zod";

/**
 * Imported before any schema is made: they check as they stand, rather than write themselves anew as code at the first use.
 * Each is used a few times in the life of a command, so writing and compiling that code takes longer than it saves.
 */
z.config({ jitless: true });
