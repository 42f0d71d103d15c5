import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createEngine, isNetError } from "netdock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { descriptors, mountsUnder } from "../../src/testkit/kernel.ts";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));

let dir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "netdock-library-"));
});
afterEach(async () => {
  // Also of a test that failed; the engine sweeps what they leave.
  await Promise.all(children.splice(0).map(kill));
  await (await createEngine({ dir })).close();
  rmSync(dir, { recursive: true, force: true });
});

/** Ids of processes that run in a sandbox, by the mark in their environment. */
function processesOf(sandbox: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "latin1");
      return environment.includes(`NETDOCK_SANDBOX=${sandbox}\0`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Links of the namespace this process is in; `/sys` may be the machine's. */
function linksHere(): string[] {
  return readFileSync("/proc/self/net/dev", "utf8").match(/[^\s:]+(?=:)/g) ?? [];
}

/** What this process and its namespaces hold. */
function holdings(): unknown {
  return { descriptors: descriptors(), mounts: mountsUnder(dir), links: linksHere() };
}

interface Child {
  readonly process: ChildProcess;
  readonly sandbox: string;
}

async function startChild(ending: "wait" | "exit" | "throw"): Promise<Child> {
  const child = spawn(process.execPath, [CHILD, dir, ending], { stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { sandbox } = JSON.parse(line) as { sandbox: string };
  return { process: child, sandbox };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

async function kill(child: ChildProcess): Promise<void> {
  const end = ended(child);
  child.kill("SIGKILL");
  await end;
}

describe("an engine that is closed", () => {
  it("leaves no descriptor, mount, link, process or file", async () => {
    // What the first engine of a process loads, and the first file that is watched, stays.
    const first = await createEngine({ dir });
    await (await first.start({ networks: ["none"], command: ["echo", "ready"] })).line("ready");
    await first.close();
    const before = holdings();
    const links = linksHere();
    const net = await createEngine({ dir });
    await net.createNetwork({ name: "front", enableIPv6: true });
    const db = await net.start({
      name: "db",
      networks: ["front"],
      publish: ["5432"],
      command: ["sh", "-c", "setsid sleep 3600 & sleep 3600"],
    });
    const web = await net.createSandbox({ name: "web", networks: ["front", "bridge"] });
    await web.listen(createServer(), { port: 80 });
    const socket = await db.dial({ host: "web", port: 80 });
    const closed = once(socket, "close");
    await web.cut("front");
    await net.partition([["web"], ["db"]]);
    const events = net.events();
    const line = db.line("never");
    const exec = db.exec(["sleep", "3600"]);
    expect(processesOf(db.id).length).toBeGreaterThanOrEqual(3);
    expect(linksHere()).toEqual(links);

    await Promise.all([
      net.close(),
      expect(line).rejects.toMatchObject({ code: "unavailable" }),
      expect(exec).resolves.toMatchObject({ exitCode: 137 }),
      closed,
    ]);

    expect(holdings()).toEqual(before);
    expect(processesOf(db.id)).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
    for await (const event of events) expect(event.seq).toBeGreaterThan(0);
    // Handles that outlive it: what is gone is gone, and everything else says so.
    await db.remove();
    await db[Symbol.asyncDispose]();
    await net.close();
    expect(() => db.view()).toThrow("the engine has been closed");
    await expect(net.createNetwork("x")).rejects.toSatisfy((error) => isNetError(error, "unavailable"));
  });

  it("takes its networks out of the namespace it shares, where only one may work", async () => {
    const before = holdings();
    {
      await using net = await createEngine({ dir, host: "current" });
      await using front = await net.createNetwork("front");
      await using web = await net.createSandbox({ networks: ["front"], publish: ["8080:80"] });
      expect(linksHere()).toContain("netdock0");
      await expect(createEngine({ dir, host: "current" })).rejects.toMatchObject({ code: "conflict" });
      expect(front.view().endpoints.map(({ sandboxId }) => sandboxId)).toEqual([web.id]);
    }
    expect(holdings()).toEqual(before);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("disposes of its parts in any order", async () => {
    await using net = await createEngine({ dir });
    const front = await net.createNetwork("front");
    const web = await net.createSandbox({ name: "web", networks: ["front"] });
    await front[Symbol.asyncDispose]();
    expect(web.view().endpoints).toEqual([]);
    await Promise.all([web[Symbol.asyncDispose](), web.remove()]);
    await front.remove();
    expect(net.sandboxes()).toEqual([]);
  });
});

describe("engines side by side", () => {
  it("share nothing: the same names, addresses and ports in each", async () => {
    await using one = await createEngine({ dir });
    await using two = await createEngine({ dir });
    const answers = await Promise.all(
      [one, two].map(async (net, i) => {
        await net.createNetwork({ name: "front", ipam: { config: [{ subnet: "10.9.0.0/24" }] } });
        const web = await net.createSandbox({ name: "web", networks: ["front"], publish: ["8080:80"] });
        await web.listen(
          createServer((socket) => socket.end(`engine ${i}`)),
          { port: 80 },
        );
        const socket = await net.dial({ host: "localhost", port: 8080 });
        return [web.ip(), Buffer.concat(await socket.toArray()).toString()];
      }),
    );
    expect(answers).toEqual([
      ["10.9.0.2", "engine 0"],
      ["10.9.0.2", "engine 1"],
    ]);
    await one.close();
    const socket = await two.dial({ host: "web", port: 80 });
    expect(Buffer.concat(await socket.toArray()).toString()).toBe("engine 1");
  });

  it("leave the threads of the process free, however many they are", async () => {
    // libuv has four by default, and eight in these tests; each waiting engine would take one.
    const engines = await Promise.all(Array.from({ length: 10 }, () => createEngine({ dir })));
    await Promise.all(
      engines.map((net) => net.start({ name: "node", networks: ["none"], command: ["true"] })),
    );
    expect(await Promise.all(engines.map((net) => net.sandbox("node").exited))).toEqual(
      Array.from({ length: 10 }, () => 0),
    );
    await Promise.all(engines.map((net) => net.close()));
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("a process that ends without closing its engine", () => {
  it.each(["exit", "throw"] as const)("leaves nothing that runs, and no file (%s)", async (ending) => {
    const child = await startChild(ending);
    await ended(child.process);
    expect(readdirSync(dir)).toEqual([]);
    // Killed by one who could not wait for it.
    await expect.poll(() => processesOf(child.sandbox)).toEqual([]);
  });

  it("leaves no mount when it is killed, and the next engine sweeps the rest", async () => {
    const before = [mountsUnder(dir), linksHere()];
    const child = await startChild("wait");
    const living = await startChild("wait");
    await kill(child.process);
    expect([mountsUnder(dir), linksHere()]).toEqual(before);
    expect(processesOf(child.sandbox).length).toBeGreaterThan(0);
    expect(readdirSync(dir).length).toBe(2);

    await (await createEngine({ dir })).close();
    expect(processesOf(child.sandbox)).toEqual([]);
    // Somebody who lives is left alone.
    expect(readdirSync(dir).length).toBe(1);
    expect(processesOf(living.sandbox).length).toBeGreaterThan(0);

    await kill(living.process);
    await (await createEngine({ dir })).close();
    expect(processesOf(living.sandbox)).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("rights", () => {
  const script = `import { createEngine } from "netdock";
    try { await using net = await createEngine({ dir: process.argv[1] }); console.log("ok"); }
    catch (error) { console.log(error.code, error.message); }`;

  /** As a user without any rights, perhaps with a command before. */
  function asNobody(...before: readonly string[]): string {
    const argv = [...before, process.execPath, "--input-type=module", "-e", script, dir];
    const user = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
    const done = spawnSync("setpriv", [...user, ...argv], {
      encoding: "utf8",
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    });
    return done.error === undefined ? done.stdout + done.stderr : String(done.error);
  }

  it("are asked for before anything is made", () => {
    expect(asNobody()).toBe(
      "forbidden this process (uid 65534) lacks CAP_NET_ADMIN and CAP_SYS_ADMIN, without which no network can be made\n",
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  it("are those of a user namespace, where all namespaces are its own", (context) => {
    const inside = ["unshare", "--map-root-user", "--net", "--mount"];
    const possible = spawnSync("setpriv", ["--reuid", "65534", "--clear-groups", "--", ...inside, "true"]);
    if (possible.status !== 0)
      context.skip("this machine lacks user namespaces for users (CONFIG_USER_NS, or a rule against them)");
    expect(asNobody(...inside)).toMatch(
      /^forbidden .* does not own its uts namespaces, and could not come back/,
    );
    rmSync(dir, { recursive: true });
    dir = mkdtempSync(join(tmpdir(), "netdock-library-"));
    spawnSync("chmod", ["0777", dir]);
    expect(asNobody(...inside, "--uts")).toBe("ok\n");
    expect(readdirSync(dir)).toEqual([]);
  });
});
