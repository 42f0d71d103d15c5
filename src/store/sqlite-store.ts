import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

import { NetError } from "../base/errors.ts";
import type { Container } from "../model/container.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { LeaseStore } from "../model/ipam.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Durability, Intent, IntentRecord, Store } from "../model/store.ts";
import { damaged, storeError } from "./errors.ts";
import { SqliteLeases } from "./sqlite-leases.ts";

/** The store in an open, locked and migrated database. */
export class SqliteStore implements Store {
  readonly leases: LeaseStore;
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #sql: Readonly<Record<SqlName, StatementSync>>;
  #durability: Durability | undefined;
  #inTransaction = false;

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
    const prepared = Object.entries(SQL).map(([name, text]) => [name, db.prepare(text)] as const);
    this.#sql = Object.fromEntries(prepared) as Record<SqlName, StatementSync>;
    this.leases = new SqliteLeases(db, (statement, ...values) => this.#write(statement, ...values));
  }

  transaction<T>(durability: Durability, run: () => T): T {
    if (this.#inTransaction) throw misuse("a transaction is open: they never nest");
    this.#setDurability(durability);
    this.#inTransaction = true;
    try {
      this.#sql.begin.run();
      const result = run();
      if (result instanceof Promise)
        throw misuse("a transaction is synchronous: it would end before its promise does");
      this.#sql.commit.run();
      return result;
    } catch (error) {
      // After some failures (disk full, I/O) SQLite has rolled back by itself.
      if (this.#db.isTransaction) this.#sql.rollback.run();
      throw storeError(error, "store.transaction", this.#path);
    } finally {
      this.#inTransaction = false;
    }
  }

  networks(): Network[] {
    return this.#documents("networks", this.#sql.networks) as Network[];
  }

  putNetwork(network: Network): void {
    this.#write(this.#sql.putNetwork, network.id, JSON.stringify(network));
  }

  deleteNetwork(id: NetworkId): void {
    this.#write(this.#sql.deleteNetwork, id);
  }

  sandboxes(): Sandbox[] {
    return this.#documents("sandboxes", this.#sql.sandboxes) as Sandbox[];
  }

  putSandbox(sandbox: Sandbox): void {
    this.#write(this.#sql.putSandbox, sandbox.id, JSON.stringify(sandbox));
  }

  deleteSandbox(id: SandboxId): void {
    this.#write(this.#sql.deleteSandbox, id);
  }

  containers(): Container[] {
    return this.#documents("containers", this.#sql.containers) as Container[];
  }

  putContainer(container: Container): void {
    this.#write(this.#sql.putContainer, container.id, JSON.stringify(container));
  }

  deleteContainer(id: SandboxId): void {
    this.#write(this.#sql.deleteContainer, id);
  }

  endpoints(): Endpoint[] {
    return this.#documents("endpoints", this.#sql.endpoints) as Endpoint[];
  }

  putEndpoint(endpoint: Endpoint): void {
    const { id, networkId, sandboxId } = endpoint;
    this.#write(this.#sql.putEndpoint, id, networkId, sandboxId, JSON.stringify(endpoint));
  }

  deleteEndpoint(id: EndpointId): void {
    this.#write(this.#sql.deleteEndpoint, id);
  }

  intents(): IntentRecord[] {
    const rows = this.#sql.intents.all();
    return rows.map((row) => ({
      id: Number(row["id"]),
      intent: this.#parse("intents", row["doc"]) as Intent,
    }));
  }

  addIntent(intent: Intent): number {
    return Number(this.#write(this.#sql.addIntent, JSON.stringify(intent)));
  }

  clearIntent(id: number): void {
    this.#write(this.#sql.clearIntent, id);
  }

  /** Copies the log into the database and drops the lock. */
  close(): void {
    this.#db.close();
  }

  /**
   * In WAL mode `NORMAL` writes a commit into the kernel's page cache: it survives the process, and after a power cut the
   * database is whole but may lack the last commits. `FULL` also waits for the disk, and by the order of the log takes all
   * commits before it along (sqlite.org/pragma.html#pragma_synchronous). The setting cannot change within a transaction.
   */
  #setDurability(durability: Durability): void {
    if (durability === this.#durability) return;
    this.#db.exec(durability === "disk" ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    this.#durability = durability;
  }

  #write(statement: StatementSync, ...values: SQLInputValue[]): number | bigint {
    if (!this.#inTransaction) throw misuse("a write outside a transaction has no durability; open one");
    return statement.run(...values).lastInsertRowid;
  }

  #documents(table: string, statement: StatementSync): unknown[] {
    return statement.all().map((row) => this.#parse(table, row["doc"]));
  }

  #parse(table: string, doc: unknown): unknown {
    try {
      return JSON.parse(String(doc));
    } catch (error) {
      throw damaged(this.#path, `a row of ${table} is not JSON`, error);
    }
  }
}

function misuse(message: string): NetError {
  return new NetError("internal", "store.transaction", { message });
}

type SqlName = keyof typeof SQL;

// Updates keep the row where it is (REPLACE would move it to the end, and the order of rows has a meaning).
const SQL = {
  begin: "BEGIN",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  networks: "SELECT doc FROM networks ORDER BY rowid",
  putNetwork:
    "INSERT INTO networks (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
  deleteNetwork: "DELETE FROM networks WHERE id = ?",
  sandboxes: "SELECT doc FROM sandboxes ORDER BY rowid",
  putSandbox:
    "INSERT INTO sandboxes (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
  deleteSandbox: "DELETE FROM sandboxes WHERE id = ?",
  containers: "SELECT doc FROM containers ORDER BY rowid",
  putContainer:
    "INSERT INTO containers (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
  deleteContainer: "DELETE FROM containers WHERE id = ?",
  endpoints: "SELECT doc FROM endpoints ORDER BY rowid",
  putEndpoint: `INSERT INTO endpoints (id, network_id, sandbox_id, doc) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      network_id = excluded.network_id, sandbox_id = excluded.sandbox_id, doc = excluded.doc`,
  deleteEndpoint: "DELETE FROM endpoints WHERE id = ?",
  intents: "SELECT id, doc FROM intents ORDER BY id",
  addIntent: "INSERT INTO intents (doc) VALUES (?)",
  clearIntent: "DELETE FROM intents WHERE id = ?",
} as const;
