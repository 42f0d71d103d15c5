/**
 * The database's schema as a ladder: step n brings version n to n + 1, and `PRAGMA user_version` says where a file stands.
 * Steps that were released are never edited; a change is a new step at the end.
 *
 * Networks, sandboxes and endpoints are JSON documents, since the controller reads them whole, once, at start; columns exist
 * for what the database itself must keep true. Foreign keys are checked at the commit, so the order of writes within a
 * transaction is free. Rows of these tables come back in the order they were first written (rowid), which for the endpoints
 * of a sandbox is the order of attachment.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE networks (
    id TEXT PRIMARY KEY NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;

  CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;

  CREATE TABLE endpoints (
    id TEXT PRIMARY KEY NOT NULL,
    network_id TEXT NOT NULL REFERENCES networks (id) DEFERRABLE INITIALLY DEFERRED,
    sandbox_id TEXT NOT NULL REFERENCES sandboxes (id) DEFERRABLE INITIALLY DEFERRED,
    doc TEXT NOT NULL
  ) STRICT;
  -- Without them, deleting a network or sandbox would read every endpoint to check the foreign keys.
  CREATE INDEX endpoints_network ON endpoints (network_id);
  CREATE INDEX endpoints_sandbox ON endpoints (sandbox_id);

  CREATE TABLE intents (
    id INTEGER PRIMARY KEY,
    doc TEXT NOT NULL
  ) STRICT;

  CREATE TABLE pools (
    subnet TEXT PRIMARY KEY NOT NULL,
    ip_range TEXT,
    owner TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (
    subnet TEXT NOT NULL REFERENCES pools (subnet) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    address TEXT NOT NULL,
    client_id TEXT NOT NULL,
    mac TEXT,
    hostname TEXT,
    state TEXT NOT NULL CHECK (state IN ('requested', 'bound', 'released')),
    expires INTEGER,
    released_seq INTEGER,
    PRIMARY KEY (subnet, address)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE containers (
    id TEXT PRIMARY KEY NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  `,
];

/** "ndck" in `PRAGMA application_id`: tells our file from any other SQLite database. */
export const APPLICATION_ID = 0x6e64636b;
