import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { errorText, NetError } from "../base/errors.ts";
import type { Store } from "../model/store.ts";
import { damaged, storeError } from "./errors.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { SqliteStore } from "./sqlite-store.ts";

const OP = "store.open";

/**
 * Opens the local state, making the file when there is none (its directory must exist). `:memory:` keeps everything in
 * memory, for tests and for the engine in somebody else's process. Throws `conflict` when another process has it open,
 * `unsupported` when a newer netdock wrote it, `invalid` when it is another program's database, and `unavailable` when it
 * is damaged or cannot be reached.
 */
export function openStore(options: { readonly path: string }): Store {
  const { path } = options;
  let db: DatabaseSync | undefined;
  try {
    if (path !== ":memory:") createPrivate(path);
    db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 0 });
    lock(db);
    check(db, path);
    useLog(db);
    migrate(db);
    return new SqliteStore(db, path);
  } catch (error) {
    db?.close();
    throw storeError(error, OP, path);
  }
}

/** Commands' environments are stored, and may hold secrets: the file (and its WAL, which copies the mode) is its owner's. */
function createPrivate(path: string): void {
  try {
    // Only when it is absent: closing a descriptor of a database drops this process's locks on it (fcntl(2)).
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw new NetError("unavailable", OP, {
      message: `${path}: the state file cannot be made (${errorText(error)}): make its directory, writable by the daemon`,
      subject: path,
      cause: error,
    });
  }
}

/**
 * Two controllers on one state would hand out every address twice, so the file is locked from here to `close()`; the kernel
 * drops the lock with the process, however that dies. A lock held for ever also spares SQLite its shared memory and two
 * system calls a transaction.
 */
function lock(db: DatabaseSync): void {
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  // Takes the lock now; with the mode above it outlives the transaction.
  db.exec("BEGIN EXCLUSIVE; COMMIT");
}

function useLog(db: DatabaseSync): void {
  // Commits append to one log and need no fsync for consistency: see `SqliteStore.transaction`.
  db.exec("PRAGMA journal_mode = WAL");
  // The log is copied into the database every 16 MB, which takes some 20 ms; SQLite's 4 MB would make that every hundredth
  // attach instead of every five hundredth.
  db.exec("PRAGMA wal_autocheckpoint = 4000");
}

/** Reads only: what is refused here stays as it was, to the byte. */
function check(db: DatabaseSync, path: string): void {
  const application = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  const [tables] = db.prepare("SELECT count(*) AS n FROM sqlite_schema").all();
  const empty = tables?.["n"] === 0;
  if (application !== APPLICATION_ID && !(application === 0 && version === 0 && empty)) {
    const remedy = "give another --state-dir";
    const message = `${path}: this is a database of another program: ${remedy}`;
    throw new NetError("invalid", OP, { message, subject: path, value: path, remedy });
  }
  if (version > MIGRATIONS.length) {
    const remedy = `run the netdock that wrote it, or a newer one; this one knows versions up to ${MIGRATIONS.length}`;
    const message = `${path}: the state has version ${version}, written by a newer netdock: ${remedy}`;
    throw new NetError("unsupported", OP, { message, subject: path, remedy });
  }
  // A few milliseconds for a large state: better to refuse now than to find half the networks missing later.
  const [found] = db.prepare("PRAGMA quick_check(1)").all();
  if (found?.["quick_check"] !== "ok") throw damaged(path, String(found?.["quick_check"]));
}

function migrate(db: DatabaseSync): void {
  for (let version = pragma(db, "user_version"); version < MIGRATIONS.length; version++) {
    db.exec("BEGIN");
    db.exec(MIGRATIONS[version] as string);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.exec(`PRAGMA user_version = ${version + 1}`);
    db.exec("COMMIT");
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
