import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { type RunningApi, startApi, temporaryDirectory } from "../testkit/api-server.ts";
import { sampleSandbox } from "../testkit/scripted-engine.ts";
import { pump } from "./streams.ts";

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

test("pump() takes nothing more from its source while the reader has not read what there is", async () => {
  let taken = 0;
  async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
    for (; taken < 1000; taken++) {
      yield new Uint8Array(64 * 1024);
      await Promise.resolve();
    }
  }
  const received: number[] = [];
  let letGo: (() => void) | undefined;
  const response = new Writable({
    highWaterMark: 256 * 1024,
    write: (chunk: Uint8Array, _encoding, done) => {
      received.push(chunk.length);
      if (received.length === 1) letGo = done;
      else done();
    },
  }) as unknown as ServerResponse;
  const pumped = pump(source(), response, new AbortController().signal);
  // Whatever could run without the reader has run after some turns of the loop.
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBeLessThan(8);
  letGo?.();
  await pumped;
  expect(received).toHaveLength(1000);
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
