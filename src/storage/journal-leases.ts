import { canonicalJson } from "../core/json.js";
import type { Owner } from "../core/run/fact.js";
import type { Fence, Lease } from "../core/run/run-journal.js";
import type { JournalFile } from "./journal-file.js";

type LeaseRow = Omit<Lease, "owner"> & { readonly owner: string };

/** Who may execute runs of which system and environment. A released lease keeps its row, and with it its fence number. */
export class JournalLeases {
  private readonly file: JournalFile;

  constructor(file: JournalFile) {
    this.file = file;
  }

  lease(scope: string): Lease | undefined {
    const row = this.file.get<LeaseRow>(
      "select scope, run, owner, fence, expires from leases where scope = ?",
      scope,
    );
    return row === undefined ? undefined : { ...row, owner: JSON.parse(row.owner) as Owner };
  }

  /** In one transaction. Returns the lease, or the one of the holder that keeps it. */
  acquire(want: Omit<Lease, "fence">, mayTake: (holder: Lease) => boolean): { taken: boolean; lease: Lease } {
    return this.file.transaction(() => {
      const holder = this.lease(want.scope);
      const held = holder !== undefined && holder.expires > 0;
      if (held && !mayTake(holder)) return { taken: false, lease: holder };
      const lease = { ...want, fence: (holder?.fence ?? 0) + 1 };
      this.file.run(
        "insert or replace into leases (scope, run, owner, fence, expires) values (?, ?, ?, ?, ?)",
        lease.scope,
        lease.run,
        canonicalJson(lease.owner),
        lease.fence,
        lease.expires,
      );
      return { taken: true, lease };
    });
  }

  /** Whether the holder of this fence number holds the lease. For use within a transaction. */
  holds({ scope, fence }: Fence): boolean {
    const sql = "select 1 from leases where scope = ? and fence = ?";
    return this.file.get(sql, scope, fence) !== undefined;
  }

  /** False when somebody else has taken it meanwhile. */
  renew({ scope, fence }: Lease, expires: number): boolean {
    const sql = "update leases set expires = ? where scope = ? and fence = ?";
    return this.file.transaction(() => this.file.run(sql, expires, scope, fence) > 0);
  }

  release(lease: Lease): void {
    this.renew(lease, 0);
  }
}
