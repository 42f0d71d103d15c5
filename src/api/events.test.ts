import { connect as connectSocket, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { NetdockEvent } from "../model/events.ts";
import { openDescriptors, type RunningApi, startApi } from "../testkit/api-server.ts";

async function take(
  events: AsyncIterableIterator<NetdockEvent>,
  count: number,
): Promise<readonly NetdockEvent[]> {
  const taken: NetdockEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

/** A subscriber that reads nothing after the headers of its answer. */
async function subscribeAndSleep({ socketPath }: RunningApi, query: string = ""): Promise<Socket> {
  const socket = connectSocket({ path: socketPath });
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  socket.once("data", () => {
    socket.pause();
    resolve();
  });
  socket.on("error", () => undefined);
  socket.write(`GET /netdock/v1/events${query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  await answered;
  return socket;
}

async function everything(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  socket.on("end", () => resolve(text));
  socket.resume();
  return await promise;
}

describe("GET /events", () => {
  test("stands before the call returns, and brings each event at once", async () => {
    await using running = await startApi();
    const events = await running.client.events({});
    expect(running.engine.subscribers).toBe(1);
    running.engine.emit({ action: "create", attributes: { name: "a" } });
    const first = await events.next();
    expect(first.value).toMatchObject({ seq: 1, action: "create", attributes: { name: "a" } });
    running.engine.emit({ action: "destroy" });
    expect(await take(events, 1)).toMatchObject([{ seq: 2, action: "destroy" }]);
  });

  test("begins after `since`, however much that is", async () => {
    await using running = await startApi({}, { eventBufferBytes: 1000 });
    for (let index = 0; index < 1000; index++) running.engine.emit({ attributes: { name: `n${index}` } });
    const events = await running.client.events({ since: 10 });
    const taken = await take(events, 990);
    expect(taken.map(({ seq }) => seq)).toEqual(Array.from({ length: 990 }, (_, index) => index + 11));
  });

  test("holds text of any script, cut anywhere on its way", async () => {
    await using running = await startApi();
    const events = await running.client.events({});
    const name = "网络€😀".repeat(20_000);
    running.engine.emit({ attributes: { name } });
    expect((await take(events, 1))[0]?.attributes["name"]).toBe(name);
  });

  test("ends its subscription when the client leaves", async () => {
    await using running = await startApi();
    const events = await running.client.events({});
    running.engine.emit({});
    expect(await take(events, 1)).toHaveLength(1);
    await expect.poll(() => running.engine.subscribers).toBe(0);
  });

  test("ends cleanly when the server shuts down", async () => {
    await using running = await startApi();
    const events = await running.client.events({});
    running.engine.emit({});
    await events.next();
    const rest = take(events, 99);
    await running.api.close();
    expect(await rest).toEqual([]);
    expect(running.engine.subscribers).toBe(0);
  });

  test("does not keep the server from closing when the client reads nothing", async () => {
    await using running = await startApi({}, { eventBufferBytes: 64 * 1024 * 1024 });
    const socket = await subscribeAndSleep(running);
    for (let index = 0; index < 20; index++)
      running.engine.emit({ attributes: { pad: "x".repeat(100_000) } });
    await running.api.close();
    expect(running.engine.subscribers).toBe(0);
    socket.destroy();
  });

  test("breaks with `unavailable` when the daemon dies in the middle", async () => {
    await using running = await startApi();
    const events = await running.client.events({});
    running.engine.emit({});
    await events.next();
    running.api.server.closeAllConnections();
    await expect(events.next()).rejects.toMatchObject({ code: "unavailable", op: "events" });
  });

  test("gives up with `cancelled` on an abort", async () => {
    await using running = await startApi();
    const controller = new AbortController();
    const events = await running.client.events({}, { signal: controller.signal });
    const next = events.next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: "cancelled", op: "events" });
    await expect.poll(() => running.engine.subscribers).toBe(0);
  });

  test("leaks no descriptor", async () => {
    await using running = await startApi();
    await running.client.ping();
    const before = openDescriptors().length;
    const streams = await Promise.all(Array.from({ length: 50 }, () => running.client.events({})));
    expect(openDescriptors().length).toBeGreaterThan(before + 50);
    running.engine.emit({});
    await Promise.all(streams.map((stream) => take(stream, 1)));
    await expect.poll(() => openDescriptors().length).toBe(before);
    expect(running.engine.subscribers).toBe(0);
  });
});

describe("a subscriber that does not read", () => {
  const bufferBytes = 256 * 1024;
  const event = { attributes: { pad: "x".repeat(1000) } };

  test("is cut off when more than the bound waits for it, and told so as its last line", async () => {
    await using running = await startApi({}, { eventBufferBytes: bufferBytes });
    const socket = await subscribeAndSleep(running);
    // The kernel's own buffers take some hundred kilobytes first; the bound is on what waits in the daemon.
    let sent = 0;
    while (running.engine.subscribers > 0 && sent < 10_000) {
      running.engine.emit(event);
      sent += 1;
    }
    expect(running.engine.subscribers).toBe(0);
    expect(sent).toBeGreaterThan(bufferBytes / 1200);
    // Nothing more is kept for it, whatever happens.
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    for (let index = 0; index < 2000; index++) running.engine.emit(event);
    const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before;
    expect(grown).toBeLessThan(20_000_000);

    const lines = (await everything(socket)).split("\n").filter((line) => line.startsWith("{"));
    const last = JSON.parse(lines.at(-1) ?? "{}") as { error: { code: string; op: string; remedy: string } };
    expect(last.error).toMatchObject({ code: "exhausted", op: "events" });
    expect(last.error.remedy).toBe(`read faster, and go on with since=${sent}`);
    expect((JSON.parse(lines.at(-2) ?? "{}") as NetdockEvent).seq).toBe(sent);
  });

  test("may be behind by the bound besides all that it asked for with `since`", async () => {
    await using running = await startApi({}, { eventBufferBytes: bufferBytes });
    // Far more than the bound and the kernel's buffers together.
    for (let index = 0; index < 4000; index++) running.engine.emit(event);
    const socket = await subscribeAndSleep(running, "?since=0");
    running.engine.emit(event);
    expect(running.engine.subscribers).toBe(1);
    for (let index = 0; index < bufferBytes / 1000; index++) running.engine.emit(event);
    expect(running.engine.subscribers).toBe(0);
    socket.destroy();
  });

  test("does not hold up another one", async () => {
    await using running = await startApi({}, { eventBufferBytes: bufferBytes });
    const socket = await subscribeAndSleep(running);
    const events = await running.client.events({});
    const reader = take(events, 3000);
    for (let index = 0; index < 3000; index++) {
      running.engine.emit(event);
      if (index % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await reader).at(-1)?.seq).toBe(3000);
    socket.destroy();
  });

  test("gets the error through the client", async () => {
    await using running = await startApi({}, { eventBufferBytes: bufferBytes });
    const events = await running.client.events({});
    // All in one breath: nobody can read in between.
    for (let index = 0; index < 3000; index++) running.engine.emit(event);
    await expect(take(events, 3001)).rejects.toMatchObject({ code: "exhausted", op: "events" });
  });
});
