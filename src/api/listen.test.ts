import fastify, { type FastifyInstance } from "fastify";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connect } from "./client.ts";
import { temporaryDirectory } from "../testkit/api-server.ts";
import { listenOnSocket } from "./listen.ts";

function someApi(): FastifyInstance {
  const api = fastify();
  api.get("/netdock/v1/ping", () => ({ ok: true }));
  return api;
}

/** A socket file as a killed daemon leaves it: bound, and nobody has it open. */
function leaveSocket(path: string): void {
  const script = `import { createServer } from "node:net";
    createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"));`;
  const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  expect(signal).toBe("SIGKILL");
  expect(statSync(path).isSocket()).toBe(true);
}

describe("listenOnSocket()", () => {
  test("lets owner and group in and nobody else, whatever the umask", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "api.sock");
    await using api = someApi();
    await listenOnSocket(api, { path });
    expect((statSync(path).mode & 0o777).toString(8)).toBe("660");
    using client = connect({ socketPath: path });
    expect(await client.ping()).toEqual({ ok: true });
  });

  test("removes its socket when it closes", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "api.sock");
    const api = someApi();
    await listenOnSocket(api, { path });
    await api.close();
    expect(existsSync(path)).toBe(false);
  });

  test("takes the place of a daemon that is dead", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "api.sock");
    leaveSocket(path);
    await using api = someApi();
    await listenOnSocket(api, { path });
    using client = connect({ socketPath: path });
    expect(await client.ping()).toEqual({ ok: true });
  });

  test("refuses the place of one that lives, and leaves it alone", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "api.sock");
    await using first = someApi();
    await listenOnSocket(first, { path });
    await using second = someApi();
    await expect(listenOnSocket(second, { path })).rejects.toMatchObject({
      code: "conflict",
      field: "socket",
      value: path,
      message: `socket: another daemon answers on ${path}: stop it first, or name another path`,
    });
    using client = connect({ socketPath: path });
    expect(await client.ping()).toEqual({ ok: true });
  });

  test("never removes a file that is no socket", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "precious");
    writeFileSync(path, "data");
    await using api = someApi();
    await expect(listenOnSocket(api, { path })).rejects.toMatchObject({ code: "conflict", field: "socket" });
    expect(readFileSync(path, "utf8")).toBe("data");
  });

  test("says why a path cannot be listened on", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "nowhere", "api.sock");
    await using api = someApi();
    await expect(listenOnSocket(api, { path })).rejects.toMatchObject({
      code: "invalid",
      field: "socket",
      value: path,
    });
  });
});

describe("a client without a daemon is told what to do", () => {
  test("when nobody ever listened", async () => {
    using directory = temporaryDirectory();
    const socketPath = join(directory.path, "api.sock");
    using client = connect({ socketPath });
    await expect(client.ping()).rejects.toMatchObject({
      code: "unavailable",
      subject: socketPath,
      message: `no daemon answers on ${socketPath}: start it with \`netdock daemon\``,
      remedy: "start it with `netdock daemon`",
      errno: "ENOENT",
    });
  });

  test("when the daemon is dead", async () => {
    using directory = temporaryDirectory();
    const socketPath = join(directory.path, "api.sock");
    leaveSocket(socketPath);
    using client = connect({ socketPath });
    await expect(client.events({})).rejects.toMatchObject({ code: "unavailable", errno: "ECONNREFUSED" });
  });

  test("when something else answers", async () => {
    using directory = temporaryDirectory();
    const socketPath = join(directory.path, "api.sock");
    const other = fastify();
    await other.listen({ path: socketPath });
    using client = connect({ socketPath });
    await expect(client.ping()).rejects.toMatchObject({
      code: "unavailable",
      message: `what answers on ${socketPath} does not answer as netdock does`,
    });
    await other.close();
  });

  test("when what answers speaks no HTTP, or goes away in the middle", async () => {
    using directory = temporaryDirectory();
    for (const [name, words] of [
      ["noise", "hello\r\n"],
      ["cut", 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"ok"'],
      ["silent", ""],
    ] as const) {
      const socketPath = join(directory.path, `${name}.sock`);
      const server = createServer((socket) => {
        socket.once("data", () => socket.end(words));
      });
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      using client = connect({ socketPath });
      await expect(client.ping(), name).rejects.toMatchObject({ code: "unavailable", subject: socketPath });
      server.close();
    }
  });

  test("when the socket is not for this user", async ({ skip }) => {
    skip(process.getuid?.() === 0, "root may open every socket");
    using directory = temporaryDirectory();
    const socketPath = join(directory.path, "api.sock");
    await using api = someApi();
    await listenOnSocket(api, { path: socketPath });
    chmodSync(socketPath, 0);
    using client = connect({ socketPath });
    await expect(client.ping()).rejects.toMatchObject({ code: "forbidden", errno: "EACCES" });
  });
});
