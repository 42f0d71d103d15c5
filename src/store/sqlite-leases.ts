import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

import type { Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { Lease, LeaseState, LeaseStore, PoolRecord } from "../model/ipam.ts";

/** Runs a writing statement, within a transaction only; answers with the rowid of what was inserted. */
export type Write = (statement: StatementSync, ...values: SQLInputValue[]) => number | bigint;

type Row = Record<string, SQLOutputValue>;

/** Pools and leases, in columns: there can be many, and each is written alone. */
export class SqliteLeases implements LeaseStore {
  readonly #write: Write;
  readonly #sql: Readonly<Record<keyof typeof SQL, StatementSync>>;

  constructor(db: DatabaseSync, write: Write) {
    this.#write = write;
    const prepared = Object.entries(SQL).map(([name, text]) => [name, db.prepare(text)] as const);
    this.#sql = Object.fromEntries(prepared) as Record<keyof typeof SQL, StatementSync>;
  }

  loadPools(): PoolRecord[] {
    return this.#sql.pools.all().map((row) => ({
      subnet: row["subnet"] as Subnet,
      owner: row["owner"] as string,
      ...(row["ip_range"] === null ? {} : { ipRange: row["ip_range"] as Subnet }),
    }));
  }

  loadLeases(): Lease[] {
    return this.#sql.leases.all().map(leaseOf);
  }

  savePool(pool: PoolRecord): void {
    this.#write(this.#sql.savePool, pool.subnet, pool.ipRange ?? null, pool.owner);
  }

  deletePool(subnet: Subnet): void {
    this.#write(this.#sql.deletePool, subnet);
  }

  saveLease(lease: Lease): void {
    const { subnet, address, clientId, mac, hostname, state, expires, releasedSeq } = lease;
    const rest = [mac ?? null, hostname ?? null, state, expires ?? null, releasedSeq ?? null] as const;
    this.#write(this.#sql.saveLease, subnet, address, clientId, ...rest);
  }

  deleteLease(subnet: Subnet, address: Ip): void {
    this.#write(this.#sql.deleteLease, subnet, address);
  }
}

function leaseOf(row: Row): Lease {
  return {
    subnet: row["subnet"] as Subnet,
    address: row["address"] as Ip,
    clientId: row["client_id"] as string,
    state: row["state"] as LeaseState,
    ...(row["mac"] === null ? {} : { mac: row["mac"] as Mac }),
    ...(row["hostname"] === null ? {} : { hostname: row["hostname"] as string }),
    ...(row["expires"] === null ? {} : { expires: row["expires"] as number }),
    ...(row["released_seq"] === null ? {} : { releasedSeq: row["released_seq"] as number }),
  };
}

const SQL = {
  pools: "SELECT subnet, ip_range, owner FROM pools ORDER BY subnet",
  leases: "SELECT subnet, address, client_id, mac, hostname, state, expires, released_seq FROM leases",
  savePool: `INSERT INTO pools (subnet, ip_range, owner) VALUES (?, ?, ?)
    ON CONFLICT (subnet) DO UPDATE SET ip_range = excluded.ip_range, owner = excluded.owner`,
  // Its leases go with it (ON DELETE CASCADE).
  deletePool: "DELETE FROM pools WHERE subnet = ?",
  saveLease: `INSERT INTO leases (subnet, address, client_id, mac, hostname, state, expires, released_seq)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (subnet, address) DO UPDATE SET
      client_id = excluded.client_id, mac = excluded.mac, hostname = excluded.hostname, state = excluded.state,
      expires = excluded.expires, released_seq = excluded.released_seq`,
  deleteLease: "DELETE FROM leases WHERE subnet = ? AND address = ?",
} as const;
