/** What a database holds, in a form that two databases can be compared by. Every map is by qualified name. */
export type Content = {
  /** Kind and name of an object (`table public.orders`, `index …`, `function …(integer)`) → short digest of its definition. */
  readonly objects: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, TableContent>>;
  /** `17` was handed out last; `1 next` is handed out next. */
  readonly sequences: Readonly<Record<string, string>>;
  /** Owner and privileges of each object, and default privileges, as one text each. */
  readonly grants: Readonly<Record<string, string>>;
  /** Per-database settings: see settings.ts. */
  readonly settings: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
  /** Populated ones have rows in `tables`. */
  readonly materializedViews: Readonly<Record<string, "populated" | "empty">>;
};

export type TableContent = {
  readonly rows: number;
  /** The order of rows does not matter to it. Of a sample, and then it says so, where the options want that. */
  readonly digest: string;
  /** Columns by which rows are told apart; empty where there is no primary key. */
  readonly key: readonly string[];
};

/** PostgreSQL's own counters of a table, since they were last reset. */
export type Counters = {
  readonly oid: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Changes with TRUNCATE and rewrites, which no counter tells. */
  readonly file: number;
};

export type ScheduledJob = {
  readonly name: string;
  readonly schedule: string;
  readonly command: string;
  readonly active: boolean;
};

/** A table in which a migration tool notes what it has done. */
export type Ledger = {
  readonly tool: "prisma" | "knex" | "node-pg-migrate";
  readonly table: string;
  /** In the order in which they were applied. */
  readonly applied: readonly string[];
};

export type CapturedDatabase = {
  readonly server: {
    /** `15.20`. */
    readonly version: string;
    readonly major: number;
    /** Tells one server from another; empty where this user may not see it. */
    readonly system: string;
  };
  readonly database: {
    readonly name: string;
    /** Tells the database that was captured from one that was put in its place. */
    readonly oid: number;
    readonly owner: string;
    readonly encoding: string;
    readonly collate: string;
    readonly ctype: string;
    readonly provider: "libc" | "icu" | "builtin";
    /** Of ICU or of PostgreSQL itself; empty where the provider is the C library. */
    readonly locale: string;
    /** Of ICU, beside its locale; absent where there are none. */
    readonly rules?: string;
    readonly connectionLimit: number;
    readonly comment: string;
    /** With the defaults written out; an empty grantee is everybody. */
    readonly privileges: readonly {
      readonly grantee: string;
      readonly privilege: string;
      readonly grantable: boolean;
    }[];
    readonly bytes: number;
  };
  readonly dump: {
    /** Files of pg_dump's directory format, each an artifact of its own by this name → the artifact's digest. */
    readonly files: Readonly<Record<string, string>>;
    readonly bytes: number;
    /** `pg_dump 15.20`: only a pg_restore that is not older reads it. */
    readonly program: string;
    readonly programMajor: number;
    /** Entries in its table of contents. */
    readonly entries: number;
    /** Of a given dump that is a single file, hence a single artifact; absent for a folder. */
    readonly format?: "custom" | "tar";
  };
  /** Made out of a dump that somebody else had made: what only a live database tells (`wal`, `snapshot`, `counters`) is empty. */
  readonly given?: true;
  readonly content: Content;
  /** Index → its table. Absent in checkpoints from before tables could be chosen. */
  readonly indexes?: Readonly<Record<string, string>>;
  readonly checksums: "full" | "sampled";
  /** Where the write-ahead log was when the snapshot was taken; empty where this user may not see it. */
  readonly wal: string;
  /** Which transactions had finished by then: `xmin:xmax:xip,…`. */
  readonly snapshot: string;
  readonly counters: {
    readonly tables: Readonly<Record<string, Counters>>;
    /** When PostgreSQL last forgot them: others than these cannot be compared. */
    readonly reset: string;
    /** When the server started: after a crash counters begin at zero. */
    readonly started: string;
  };
  /** Roles that own something or have rights: must be there before restoring. */
  readonly roles: readonly string[];
  /** Of pg_cron, as a record; absent where that is not in this database. */
  readonly jobs?: readonly ScheduledJob[];
  readonly ledgers: readonly Ledger[];
};
