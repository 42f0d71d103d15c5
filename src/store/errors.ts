import { errorText, NetError, type ErrorCode } from "../base/errors.ts";

/** Primary result codes of SQLite (sqlite3.h); extended codes carry them in their low byte. */
const SQLITE = {
  BUSY: 5,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const;

/**
 * What SQLite said, as a NetError that names the file and what to do; anything else thrown comes back as it is. A damaged
 * file is never repaired, moved or deleted here: it is the user's only copy.
 */
export function storeError(error: unknown, op: string, path: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const [kind, what, remedy] = meaning(code & 0xff);
  return new NetError(kind, op, {
    message: `${path}: ${what} (${errorText(error)}): ${remedy}`,
    subject: path,
    remedy,
    cause: error,
  });
}

/** A file that is a database, with content that is not what we wrote. */
export function damaged(path: string, what: string, cause?: unknown): NetError {
  return new NetError("unavailable", "store.open", {
    message: `${path}: the state file is damaged: ${what}: ${DAMAGED_REMEDY}`,
    subject: path,
    remedy: DAMAGED_REMEDY,
    cause,
  });
}

const DAMAGED_REMEDY =
  "put a copy of it back, or move it and its -wal file away to start empty; what runs is not touched by either";

function meaning(code: number): readonly [ErrorCode, string, string] {
  switch (code) {
    case SQLITE.BUSY:
      return [
        "conflict",
        "another netdock daemon uses this state file",
        "stop it, or give another --state-dir",
      ];
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return ["unavailable", "the state file is damaged", DAMAGED_REMEDY];
    case SQLITE.FULL:
      return ["unavailable", "the disk is full", "make room; the change was not made"];
    case SQLITE.READONLY:
      return [
        "unavailable",
        "the state file cannot be written",
        "give the daemon write access to it and its directory",
      ];
    case SQLITE.CANTOPEN:
      return ["unavailable", "the state file cannot be opened", "make its directory, writable by the daemon"];
    case SQLITE.IOERR:
      return ["unavailable", "the disk failed", "see the kernel log; the change was not made"];
    default:
      return ["internal", "the store refused", "please report this"];
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
