import { spawn } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { NetError } from "../base/errors.ts";
import { makeEndpoint, makeNetwork, makeSandbox } from "../testkit/documents.ts";
import { storeSuite } from "../testkit/store-suite.ts";
import { openStore } from "./open.ts";
import { MIGRATIONS } from "./schema.ts";
import { SqliteStore } from "./sqlite-store.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "netdock-store-"));
  path = join(dir, "state.db");
});
afterEach(() => rmSync(dir, { recursive: true }));

function refused(run: () => unknown): NetError {
  try {
    run();
  } catch (error) {
    if (error instanceof NetError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("SQLite in a file", () => {
  storeSuite({
    open: () => openStore({ path }),
    reopen: (store) => {
      store.close();
      return openStore({ path });
    },
  });
});

describe("SQLite in memory", () => {
  storeSuite({ open: () => openStore({ path: ":memory:" }) });

  test("each is alone", () => {
    const [one, other] = [openStore({ path: ":memory:" }), openStore({ path: ":memory:" })];
    one.transaction("process", () => one.putNetwork(makeNetwork("a")));
    expect(other.networks()).toEqual([]);
    one.close();
    other.close();
  });
});

describe("the state file", () => {
  test("is its owner's alone: stored environments hold secrets", () => {
    const store = openStore({ path });
    store.transaction("process", () => store.putNetwork(makeNetwork("a")));
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
    store.close();
  });

  test("is for one at a time, and free again after close()", () => {
    const store = openStore({ path });
    const error = refused(() => openStore({ path }));
    expect(error).toMatchObject({ code: "conflict", subject: path });
    expect(error.message).toContain(`${path}: another netdock daemon uses this state file`);
    // The refused attempt took nothing from the holder.
    store.transaction("disk", () => store.putNetwork(makeNetwork("a")));
    expect(refused(() => openStore({ path })).code).toBe("conflict");
    store.close();
    openStore({ path }).close();
  });

  test("of a newer version is refused and not touched", () => {
    openStore({ path }).close();
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}; CREATE TABLE future (x)`);
    db.close();
    const before = readFileSync(path);
    const error = refused(() => openStore({ path }));
    expect(error).toMatchObject({ code: "unsupported", subject: path });
    expect(error.message).toContain(`version ${MIGRATIONS.length + 1}, written by a newer netdock`);
    expect(readFileSync(path)).toEqual(before);
  });

  test("of another program is refused and not touched", () => {
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    db.close();
    const before = readFileSync(path);
    expect(refused(() => openStore({ path }))).toMatchObject({ code: "invalid", subject: path });
    expect(readFileSync(path)).toEqual(before);
  });

  test("that is no database is refused and not touched", () => {
    writeFileSync(path, "This is not a database, but somebody may want it.\n".repeat(100));
    const before = readFileSync(path);
    const error = refused(() => openStore({ path }));
    expect(error).toMatchObject({ code: "unavailable", subject: path });
    expect(error.message).toContain("damaged");
    expect(error.remedy).toContain("move it");
    expect(readFileSync(path)).toEqual(before);
  });

  test.each(["a page in the middle overwritten", "the second half cut off"])("with %s is refused", (how) => {
    const store = openStore({ path });
    store.transaction("process", () => {
      for (let i = 0; i < 200; i++) store.putSandbox(makeSandbox(i));
    });
    store.close();
    const { size } = statSync(path);
    if (how.startsWith("a page")) {
      const fd = openSync(path, "r+");
      // Every second page, so that one that matters is among them.
      for (let at = 4096; at < size; at += 8192) writeSync(fd, new Uint8Array(4096).fill(0xa5), 0, 4096, at);
      closeSync(fd);
    } else writeFileSync(path, readFileSync(path).subarray(0, size / 2));
    const before = readFileSync(path);
    const error = refused(() => openStore({ path }));
    expect(error).toMatchObject({ code: "unavailable", subject: path });
    expect(error.message).toContain("damaged");
    expect(readFileSync(path)).toEqual(before);
  });

  test("with a row that is not JSON is refused when it is read, naming the table", () => {
    openStore({ path }).close();
    const db = new DatabaseSync(path);
    db.exec("INSERT INTO networks (id, doc) VALUES ('a', '{')");
    db.close();
    const store = openStore({ path });
    const error = refused(() => store.networks());
    expect(error).toMatchObject({ code: "unavailable", subject: path });
    expect(error.message).toContain("a row of networks is not JSON");
    store.close();
  });

  test("in a directory that is not there, or is a directory itself, is refused naming it", () => {
    const missing = join(dir, "no", "state.db");
    expect(refused(() => openStore({ path: missing }))).toMatchObject({
      code: "unavailable",
      subject: missing,
    });
    expect(refused(() => openStore({ path: dir }))).toMatchObject({ code: "unavailable", subject: dir });
  });

  test("that cannot be written refuses the change, naming it", () => {
    openStore({ path }).close();
    // Root may write everything, so the mode of the file would prove nothing here.
    const db = new DatabaseSync(path, { readOnly: true });
    const store = new SqliteStore(db, path);
    const error = refused(() => store.transaction("process", () => store.putNetwork(makeNetwork("a"))));
    expect(error).toMatchObject({ code: "unavailable", subject: path });
    expect(error.message).toContain("cannot be written");
    store.close();
  });

  test("whose disk is full refuses the change, keeps what was there and goes on when there is room", () => {
    const store = openStore({ path });
    store.transaction("process", () => store.putNetwork(makeNetwork("a")));
    store.close();
    // The page limit of SQLite stands for the disk's end: the same code comes out of it (SQLITE_FULL).
    const db = new DatabaseSync(path);
    const small = new SqliteStore(db, path);
    db.exec("PRAGMA max_page_count = 20");
    const big = { pad: "x".repeat(200_000) };
    const error = refused(() =>
      small.transaction("process", () => small.putNetwork(makeNetwork("b", { labels: big }))),
    );
    expect(error).toMatchObject({ code: "unavailable", subject: path });
    expect(error.message).toContain("the disk is full");
    expect(small.networks()).toEqual([makeNetwork("a")]);
    db.exec("PRAGMA max_page_count = 100000");
    small.transaction("process", () => small.putNetwork(makeNetwork("b", { labels: big })));
    expect(small.networks().length).toBe(2);
    small.close();
  });
});

describe("a process killed in the middle", () => {
  const child = fileURLToPath(new URL("../testkit/store-crash-child.ts", import.meta.url));

  /** Starts the writer, lets it commit so many rounds, kills it; the last round it reported. */
  async function crashAfter(rounds: number): Promise<number> {
    const writer = spawn(process.execPath, [child, path], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      let said = "";
      for await (const chunk of writer.stdout.setEncoding("utf8") as AsyncIterable<string>) {
        said += chunk;
        if (writer.killed || said.split("\n").length <= rounds) continue;
        expect(refused(() => openStore({ path })).code).toBe("conflict");
        writer.kill("SIGKILL");
      }
      return Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
    } finally {
      writer.kill("SIGKILL");
    }
  }

  test("leaves every round it committed, none by half, and no lock", { timeout: 30_000 }, async () => {
    for (const rounds of [1, 37, 150]) {
      rmSync(path, { force: true });
      rmSync(`${path}-wal`, { force: true });
      const reported = await crashAfter(rounds);
      expect(reported).toBeGreaterThanOrEqual(rounds);
      const store = openStore({ path });
      const networks = store.networks();
      const committed = Array.from({ length: networks.length }, (_, i) => i + 1);
      // One round may have been committed and not yet reported.
      expect([reported, reported + 1]).toContain(networks.length);
      expect(networks).toEqual(committed.map((round) => makeNetwork(round)));
      expect(store.sandboxes()).toEqual(committed.map((round) => makeSandbox(round)));
      expect(store.endpoints()).toEqual(
        committed.map((round) => makeEndpoint(round, { network: round, sandbox: round })),
      );
      expect(store.intents().length).toBe(networks.length);
      expect(store.leases.loadPools().length).toBe(networks.length);
      expect(store.leases.loadLeases().length).toBe(networks.length);
      store.close();
    }
  });
});
