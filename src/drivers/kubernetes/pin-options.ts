import * as z from "zod";

export const pin = z.strictObject({
  user: z.string().min(1).optional().describe("Who may push to the registries that the images come from"),
  password: z.string().min(1).optional().describe("Their password or token: `${env:REGISTRY_PASSWORD}`"),
  plain: z.boolean().default(false).describe("Speak to the registries without TLS"),
  required: z
    .boolean()
    .default(false)
    .describe(
      "A checkpoint whose images cannot be held is refused; else that is said, and it is made all the same",
    ),
});

export type PinOptions = z.infer<typeof pin>;
