import * as z from "zod";

/**
 * What an option is for, for documents and editors: `z.string().optional().register(...about("For people"))`. As `describe`
 * does, but without a copy of the schema, which costs each start of the program some hundred of them. So only for a schema
 * that is made there and stands nowhere else.
 */
export const about = (description: string) => [z.globalRegistry, { description }] as const;
