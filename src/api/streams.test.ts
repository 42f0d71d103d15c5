import { writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type RunningApi, startApi, temporaryDirectory } from "../testkit/api-server.ts";
import { sampleSandbox } from "../testkit/scripted-engine.ts";

/** Asks for a stream, and resolves when the connection is gone. */
function askAndLose({ socketPath }: RunningApi, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connectSocket({ path: socketPath });
  socket.on("close", () => resolve());
  socket.on("error", () => undefined);
  socket.write(`GET /netdock/v1${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return promise;
}

test("a client that leaves while its log is being opened leaves no subscription and no open file", async () => {
  using directory = temporaryDirectory();
  const log = join(directory.path, "log");
  writeFileSync(log, "a line\n");
  const sandbox = sampleSandbox({ state: "running" });
  await using running = await startApi({
    sandbox: () => {
      running.api.server.closeAllConnections();
      return sandbox;
    },
    sandboxes: () => [sandbox],
    logPath: () => log,
  });
  await askAndLose(running, "/sandboxes/web/logs?follow=1");
  // The server's own end of it: its log was read, or given up.
  await expect.poll(() => running.engine.calls.map(([method]) => method)).toContain("subscribe");
  await expect.poll(() => running.engine.subscribers).toBe(0);
  running.engine.emit({ type: "sandbox", id: sandbox.id, action: "start" });
  expect(await running.client.ping()).toEqual({ ok: true });
});

test("clients that leave as soon as they have asked for events leave no subscription", async () => {
  await using running = await startApi();
  await Promise.all(
    Array.from({ length: 100 }, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = connectSocket({ path: running.socketPath });
      socket.on("close", () => resolve());
      socket.write("GET /netdock/v1/events HTTP/1.1\r\nhost: x\r\n\r\n", () => socket.destroy());
      return promise;
    }),
  );
  for (let index = 0; index < 10; index++) running.engine.emit({});
  expect(await running.client.ping()).toEqual({ ok: true });
  await expect.poll(() => running.engine.subscribers).toBe(0);
});
