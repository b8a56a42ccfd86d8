import * as z from "zod";

/** How a database took connections before backout refused them. */
const gate = z.object({ allow: z.boolean(), limit: z.int(), template: z.boolean() });
export type Gate = z.infer<typeof gate>;

/** Connections to the database with this number are refused by the swap with this key; `allow` is how it was before. */
const fence = z.object({ key: z.string(), oid: z.int(), allow: z.boolean() });
export type Fence = z.infer<typeof fence>;

const common = {
  /** The live database's name. */
  of: z.string(),
  /** Its own: a comment may have been copied to another database. */
  oid: z.int(),
  /** Stands at the database that is to come in, since the live one's comment is its owner's. */
  fence: fence.optional(),
};

const staged = z.object({
  ...common,
  kind: z.literal("staged"),
  identity: z.string(),
  /** Restored, and compared with what was captured, by the restore that swaps it in. */
  complete: z.boolean(),
  /** Kept by a proof, for a restore to come: when the capture began whose proof that was, milliseconds since the epoch. */
  proven: z.int().optional(),
});

const kept = z.object({
  ...common,
  kind: z.literal("kept"),
  /** Of the swap that replaced it. */
  key: z.string(),
  /** The database that came in its place, and the identity of what it then held. */
  by: z.int(),
  brought: z.string(),
  /** What it was known by when the swap was planned. */
  identity: z.string(),
  summary: z.string(),
  /** Milliseconds since the epoch: when it was replaced, and until when it is kept. */
  at: z.int(),
  until: z.int(),
  /** Its own comment, and how it took connections. */
  comment: z.string().nullable(),
  gate,
});

const marker = z.discriminatedUnion("kind", [staged, kept]);
export type Marker = z.infer<typeof marker>;
export type StagedMarker = z.infer<typeof staged>;
export type KeptMarker = z.infer<typeof kept>;

const prefix = "backout keeps this database for itself: ";

/** As a comment on the database: says to people whose it is, and to backout what it is. */
export const markerText = (value: Marker): string => `${prefix}${JSON.stringify(value)}`;

/** `undefined` for a comment that is not ours. */
export function readMarker(comment: string | null): Marker | undefined {
  if (comment === null || !comment.startsWith(prefix)) return undefined;
  try {
    return marker.safeParse(JSON.parse(comment.slice(prefix.length))).data;
  } catch {
    return undefined;
  }
}
