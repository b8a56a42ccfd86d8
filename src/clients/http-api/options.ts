import * as z from "zod";
import { duration } from "../../core/playbook/duration.js";

/** Where a server's HTTP API is and how one is let in. */
export interface HttpApi {
  readonly url: string;
  readonly bearer?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: TlsFiles | undefined;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const path = z.string().min(1);

export const httpApiShape = {
  url: z
    .string()
    .regex(/^(https?:\/\/|\$\{)/, "a URL begins with http:// or https://")
    .describe("Address of the server, with its path prefix where it has one"),
  bearer: z.string().min(1).optional().describe("Bearer token, as a reference: `${env:X}` or `${file:path}`"),
  username: z.string().min(1).optional().describe("User for basic authentication"),
  password: z.string().min(1).optional().describe("Its password, as a reference"),
  tls: z
    .strictObject({
      ca: path.optional().describe("Certificate of the issuer to trust (PEM file)"),
      cert: path.optional().describe("Certificate to show (PEM file)"),
      key: path.optional().describe("Its key (PEM file)"),
    })
    .optional()
    .describe("For a private issuer, or where the server asks for a certificate"),
  timeout: duration
    .refine((ms) => ms > 0, "a time-out of 0 leaves no time for an answer")
    .default(5_000)
    .describe("For one answer"),
};

interface Refinement {
  addIssue(issue: { code: "custom"; path: string[]; message: string }): void;
}

/** What the shape alone cannot say. */
export function refineHttpApi({ bearer, username, password, tls }: HttpApi, context: Refinement): void {
  const say = (at: string[], message: string) => context.addIssue({ code: "custom", path: at, message });
  if (bearer !== undefined && username !== undefined) {
    say(["bearer"], "a server takes a bearer token or a user, not both: remove one");
  }
  if ((username === undefined) !== (password === undefined)) {
    say(
      [username === undefined ? "password" : "username"],
      "user and password belong together: write both, or neither",
    );
  }
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) {
    say(["tls"], "a certificate and its key belong together: write both, or neither");
  }
}
