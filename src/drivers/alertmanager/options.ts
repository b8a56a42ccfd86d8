import * as z from "zod";
import { type HttpApi, httpApiShape, refineHttpApi } from "../../clients/http-api/options.js";
import { duration } from "../../core/playbook/duration.js";

export type Labels = Readonly<Record<string, string>>;

export interface Listening {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly bearer?: string | undefined;
  /** Milliseconds. */
  readonly heartbeat: number;
}

export interface SignalOptions extends Omit<HttpApi, "url"> {
  readonly url?: string | undefined;
  readonly listen?: Listening | undefined;
  readonly match: Labels;
  readonly watchdog?: string | undefined;
  /** Milliseconds. */
  readonly settle: number;
}

const loopback = new Set(["127.0.0.1", "::1", "localhost"]);

const listen: z.ZodType<Listening> = z
  .strictObject({
    port: z.int().min(1).max(65_535).describe("Port that Alertmanager's webhook sends to"),
    host: z
      .string()
      .min(1)
      .default("127.0.0.1")
      .describe("Address to listen at; anything but this machine's own needs a `bearer`"),
    path: z.string().regex(/^\//, 'a path begins with "/"').default("/").describe("Path of the webhook"),
    bearer: z
      .string()
      .min(1)
      .optional()
      .describe("Token that the webhook must show, as a reference: `${env:X}` or `${file:path}`"),
    heartbeat: duration
      .refine((ms) => ms >= 1_000, "less than 1s leaves no time for a notification")
      .default(300_000)
      .describe(
        "Longer than the route's `repeat_interval`: within it everything that fires has been told again",
      ),
  })
  .refine(({ host, bearer }) => loopback.has(host) || bearer !== undefined, {
    path: ["bearer"],
    error: "whoever reaches this address could start a rollback: write a `bearer`, or listen at 127.0.0.1",
  });

export const signalOptions: z.ZodType<SignalOptions> = z
  .strictObject({
    ...httpApiShape,
    url: httpApiShape.url.optional(),
    listen: listen.optional().describe("Be told by its webhook instead of asking it"),
    match: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe("Only alerts with these labels count, e.g. `{ severity: critical }`"),
    watchdog: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Name of an alert that always fires, asked with `url`: without it nothing is known. It never counts",
      ),
    settle: duration
      .default(120_000)
      .describe("An Alertmanager that was started less long ago may not have been told of all alerts yet"),
  })
  .superRefine((options, context) => {
    const { url, listen: told } = options;
    refineHttpApi({ ...options, url: url ?? "" }, context);
    if ((url === undefined) === (told === undefined)) {
      context.addIssue({
        code: "custom",
        path: ["url"],
        message: "it is asked (`url`) or tells by itself (`listen`): write one of them",
      });
    }
  });
