import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEngine, type NetworkEngine, type SandboxHandle } from "../index.ts";

const ECHO = [process.execPath, fileURLToPath(new URL("../../testkit/echo-node.ts", import.meta.url))];

let net: NetworkEngine;
beforeEach(async () => {
  net = await createEngine();
});
afterEach(() => net.close());

/** A server of this process in a sandbox, which says who it is and hangs up. */
async function play(name: string, networks: readonly string[]): Promise<SandboxHandle> {
  const sandbox = await net.createSandbox({ name, networks });
  await sandbox.listen(
    createServer((socket) => socket.end(name)),
    { port: 80 },
  );
  return sandbox;
}

async function textOf(socket: Socket): Promise<string> {
  return Buffer.concat(await socket.toArray()).toString();
}

describe("nodes", () => {
  it("talk by name, with the output of each at hand", async () => {
    await net.createNetwork("front");
    const db = await net.start({ name: "db", networks: ["front"], command: ECHO, env: { PORT: "5432" } });
    const web = await net.createSandbox({ name: "web", networks: ["front"] });
    expect(await db.line("listening")).toBe("db is listening");

    const script = `const s = require("net").connect(5432, "db"); s.end("hello"); s.pipe(process.stdout)`;
    const done = await web.exec([process.execPath, "-e", script]);

    expect(done).toEqual({ exitCode: 0, stdout: "hello", stderr: "" });
    expect(await db.line(/^5 bytes from /)).toBe(`5 bytes from ${web.ip("front")}`);
    expect(db.logs()).toBe(`db is listening\n5 bytes from ${web.ip()}\n`);
  });

  it("are reached from the engine's host by published port and by name, and not without", async () => {
    await net.createNetwork("front");
    const web = await net.createSandbox({ name: "web", networks: ["front"], publish: ["8080:80"] });
    const server = createHttpServer((request, response) => response.end(`you want ${request.url}`));
    await web.listen(server, { port: 80 });

    for (const at of [
      { host: "localhost", port: 8080 },
      { host: "web", port: 80 },
    ]) {
      const socket = await net.dial(at);
      socket.write("GET /this HTTP/1.0\r\n\r\n");
      expect(await textOf(socket)).toMatch(/^HTTP\/1.1 200 OK[^]*you want \/this$/);
    }
    await expect(net.dial({ host: "localhost", port: 8081 })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(net.dial({ host: "nobody", port: 80 })).rejects.toMatchObject({ code: "not_found" });
  });

  it("are asked by HTTP from each other and from the host", async () => {
    await net.createNetwork({ name: "front", enableIPv6: true });
    const web = await net.createSandbox({ name: "web", networks: ["front"] });
    const peer = await net.createSandbox({ networks: ["front"] });
    const server = createHttpServer((request, response) => {
      request.setEncoding("utf8");
      void request.toArray().then((parts) => {
        response.writeHead(request.method === "DELETE" ? 204 : 201, { "x-host": request.headers.host });
        response.end(`${request.method} ${request.url} ${String(request.headers["x-a"])} ${parts.join("")}`);
      });
    });
    await web.listen(server, { ip: "::", port: 8000 });

    const made = await peer.fetch("http://WEB:8000/a?b", {
      method: "PUT",
      headers: { "x-a": "1" },
      body: "é",
    });
    expect([made.status, made.headers.get("x-host"), await made.text()]).toEqual([
      201,
      "web:8000",
      "PUT /a?b 1 é",
    ]);
    const address = web.view().endpoints[0]?.ipv6?.split("/")[0];
    const gone = await net.fetch(`http://[${address}]:8000/`, { method: "DELETE" });
    expect([gone.status, gone.body]).toEqual([204, null]);

    await expect(net.fetch("https://web/")).rejects.toMatchObject({ code: "invalid", field: "url" });
    await expect(net.fetch("http://web/")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await peer.listen(createServer(), { port: 80 });
    const deaf = net.fetch(`http://${peer.ip()}/`, { signal: AbortSignal.timeout(50) });
    await expect(deaf).rejects.toMatchObject({ code: "cancelled" });
  });

  it("know names of their own networks only", async () => {
    await Promise.all([net.createNetwork("front"), net.createNetwork("back")]);
    await play("web", ["front"]);
    await play("api", ["front", "back"]);
    const db = await play("db", ["back"]);

    expect(await textOf(await db.dial({ host: "api", port: 80 }))).toBe("api");
    await expect(db.dial({ host: "web", port: 80 })).rejects.toMatchObject({
      code: "not_found",
      message: `host: there is no "web" on a network of db`,
    });
    const { exitCode } = await db.exec(["getent", "hosts", "web"]);
    expect(exitCode).toBe(2);
  });

  it("reach a server of the test's own on the engine's host", async () => {
    const network = await net.createNetwork("front");
    await net.listen(
      createServer((socket) => socket.end("host")),
      { port: 99 },
    );
    const web = await net.createSandbox({ networks: ["front"] });
    const gateway = network.view().ipam.pools[0]?.gateway?.split("/")[0] as string;
    expect(await textOf(await web.dial({ host: gateway, port: 99 }))).toBe("host");
  });
});

describe("commands", () => {
  it("get input, environment and directory", async () => {
    const sandbox = await net.createSandbox({ name: "box" });
    const script = 'cat; printf "%s %s %s" "$WHO" "$PWD" "${HOME-none}" >&2; exit 3';
    const done = await sandbox.exec(["sh", "-c", script], {
      input: "in",
      env: { WHO: "me", HOME: undefined },
      cwd: "/usr",
    });
    expect(done).toEqual({ exitCode: 3, stdout: "in", stderr: "me /usr none" });
    expect((await sandbox.exec(["hostname"])).stdout).toBe("box\n");
  });

  it("give 128 and the signal's number when one ends them", async () => {
    const sandbox = await net.createSandbox();
    expect((await sandbox.exec(["sh", "-c", "kill -TERM $$"])).exitCode).toBe(143);
  });

  it("are ended by a time limit and by an abort, their children too", async () => {
    const sandbox = await net.createSandbox({ name: "box" });
    const slow = sandbox.exec(["sh", "-c", "sleep 60 & wait"], { timeoutMs: 50 });
    await expect(slow).rejects.toMatchObject({
      code: "cancelled",
      message: "sh -c sleep 60 & wait in box was ended: it took too long",
    });
    const abort = new AbortController();
    const waiting = sandbox.exec(["sleep", "60"], { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    const now = sandbox.exec(["true"], { signal: AbortSignal.abort() });
    await expect(now).rejects.toMatchObject({ code: "cancelled" });
    const { stdout } = await sandbox.exec(["sh", "-c", `grep -l "^sleep" /proc/[0-9]*/comm || true`]);
    const ours = await sandbox.exec([
      "sh",
      "-c",
      `for f in ${stdout.replaceAll("\n", " ").replaceAll("/comm", "/environ")}; do tr "\\0" "\\n" < $f; done`,
    ]);
    expect(ours.stdout).not.toContain(`NETDOCK_SANDBOX=${sandbox.id}`);
  });

  it("that cannot start are refused by name", async () => {
    const sandbox = await net.createSandbox();
    await expect(sandbox.exec(["no-such-program"])).rejects.toMatchObject({
      code: "invalid",
      field: "command",
    });
    await expect(net.start({ name: "x", command: ["no-such-program"] })).rejects.toMatchObject({
      code: "invalid",
    });
    expect(net.sandboxes().map(({ name }) => name)).not.toContain("x");
  });
});

describe("processes", () => {
  it("tell how they ended, and start again under the same name and address", async () => {
    await net.createNetwork("front");
    const db = await net.start({ name: "db", networks: ["front"], command: ECHO, env: { PORT: "5432" } });
    await db.line("listening");
    const before = db.ip();
    const { exited } = db;
    expect(db.kill()).toBe(true);
    expect(await exited).toBe(137);
    expect(db.kill()).toBe(false);
    expect(db.view()).toMatchObject({ state: "exited", status: { exitCode: 137 } });

    await db.restart();
    // Only what the new process writes counts.
    expect(await db.line("listening")).toBe("db is listening");
    expect(db.ip()).toBe(before);
    expect(await db.stop()).toBe(143);
    expect(await db.exited).toBe(143);
  });

  it("that fail say so to whoever waits for them", async () => {
    const script = "echo starting; echo no config >&2; exit 7";
    const api = await net.start({ name: "api", command: ["sh", "-c", script] });
    await expect(api.line("listening")).rejects.toMatchObject({
      code: "unavailable",
      message: "api ended without having written listening\n  starting\n  no config",
    });
    expect(await api.exited).toBe(7);
  });

  it("hang at SIGSTOP with their connections open, and go on at SIGCONT", async () => {
    await net.createNetwork("front");
    const db = await net.start({ name: "db", networks: ["front"], command: ECHO, env: { PORT: "5432" } });
    await db.line("listening");
    const socket = await net.dial({ host: "db", port: 5432 });
    db.kill("SIGSTOP");
    socket.write("ping");
    const answer = once(socket, "data");
    expect(await Promise.race([answer, quiet(100)])).toBe("quiet");
    db.kill("SIGCONT");
    expect(String((await answer)[0])).toBe("ping");
    socket.destroy();
  });

  it("are seen by events from the call on", async () => {
    const events = net.events();
    const api = await net.start({ name: "api", command: ["sh", "-c", "exit 4"] });
    const seen: string[] = [];
    for await (const { type, action, attributes } of events) {
      seen.push(`${type} ${action} ${attributes["name"]}`);
      if (action === "die") break;
    }
    expect(seen).toEqual([
      "sandbox create api",
      "network connect bridge",
      "sandbox start api",
      "sandbox die api",
    ]);
    await api.remove();
    // Left for good: nothing was gathered for a reader who is gone.
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });
});

/** Long enough for an answer that was on its way: everything is one machine, and takes under a millisecond. */
function quiet(ms: number): Promise<"quiet"> {
  return new Promise((resolve) => setTimeout(resolve, ms, "quiet"));
}
