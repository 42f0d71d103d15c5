import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { openDescriptors, type RunningApi, sendRaw, startApi } from "../../testkit/api-server.ts";
import { dockerAsk, errorMessage } from "../../testkit/docker-api.ts";
import { sampleNetwork } from "../../testkit/scripted-engine.ts";

const JSON_HEAD = "host: d\r\ncontent-type: application/json\r\n";

const UNFINISHED = [
  ["headers", "GET /networks HTTP/1.1\r\nhost: d\r\n"],
  ["body", `POST /networks/create HTTP/1.1\r\n${JSON_HEAD}content-length: 99\r\n\r\n{"Name"`],
] as const;

/** A connection of a client that does as it likes. */
async function dial({ socketPath }: RunningApi): Promise<Socket> {
  const socket = connect({ path: socketPath });
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => void socket.once("connect", () => resolve()));
  return socket;
}

/** Until as many descriptors are open as before: what a client leaves behind is let go, in its time. */
async function settled(before: number): Promise<void> {
  await expect.poll(() => openDescriptors().length, { timeout: 10_000 }).toBeLessThanOrEqual(before);
}

const lastStatus = (raw: string): string => raw.slice(0, raw.indexOf("\r\n"));
const messageOf = (raw: string): string => errorMessage({ text: raw.slice(raw.indexOf("\r\n\r\n") + 4) });

describe("a body that is too large", () => {
  const big = JSON.stringify({ Name: "n", Labels: { x: "y".repeat(1 << 20) } });

  test("is refused with 413 and nothing of it is done", async () => {
    await using running = await startApi();
    const answer = await dockerAsk(running, {
      method: "POST",
      path: "/networks/create",
      body: big,
      headers: { "content-type": "application/json" },
    });
    expect(answer.status).toBe(413);
    expect(errorMessage(answer)).toBe("http: request body too large");
    expect(running.engine.calls).toEqual([]);
  });

  test("the same where its length is not told beforehand", async () => {
    await using running = await startApi();
    const chunks = `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`;
    const raw = await sendRaw(
      running.socketPath,
      `POST /networks/create HTTP/1.1\r\n${JSON_HEAD}transfer-encoding: chunked\r\nconnection: close\r\n\r\n${chunks}`,
      { end: false },
    );
    expect(lastStatus(raw)).toBe("HTTP/1.1 413 Payload Too Large");
    expect(messageOf(raw)).toBe("http: request body too large");
    expect(running.engine.calls).toEqual([]);
  });
});

test("bytes that are no HTTP are refused so that clients of Docker can read why", async () => {
  await using running = await startApi();
  const raw = await sendRaw(running.socketPath, "BLAH\r\n\r\n", { end: false });
  expect(lastStatus(raw)).toBe("HTTP/1.1 400 Bad Request");
  expect(messageOf(raw)).toMatch(/^request: not HTTP/);
});

test("clients that vanish in the middle of what they send leave nothing behind, and nothing is done", async () => {
  await using running = await startApi();
  const before = openDescriptors().length;
  for (const part of [
    "POST /networks/cre",
    `POST /networks/create HTTP/1.1\r\n${JSON_HEAD}content-length: 99\r\n\r\n{"Name":"x"`,
  ]) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(running)));
    await Promise.all(
      sockets.map((socket) => new Promise<void>((resolve) => socket.write(part, () => resolve()))),
    );
    for (const socket of sockets) socket.destroy();
  }
  await settled(before);
  expect(running.engine.calls).toEqual([]);
});

test("clients that vanish before the answer: what they asked for is done once, and whole", async () => {
  const finish = Promise.withResolvers<void>();
  const done: string[] = [];
  await using running = await startApi({
    createNetwork: async ({ name }) => {
      await finish.promise;
      done.push(name);
      return sampleNetwork({ name });
    },
  });
  const before = openDescriptors().length;
  const sockets = await Promise.all(Array.from({ length: 20 }, () => dial(running)));
  sockets.forEach((socket, i) => {
    const body = JSON.stringify({ Name: `n${i}` });
    socket.write(
      `POST /networks/create HTTP/1.1\r\n${JSON_HEAD}content-length: ${body.length}\r\n\r\n${body}`,
    );
  });
  await expect.poll(() => running.engine.calls.length).toBe(20);
  for (const socket of sockets) socket.destroy();
  finish.resolve();
  await settled(before);
  expect(done.toSorted()).toEqual(Array.from({ length: 20 }, (_, i) => `n${i}`).toSorted());
});

test("clients that vanish while they hear events are forgotten", async () => {
  let subscribed = 0;
  await using running = await startApi({
    subscribe: () => {
      subscribed++;
      return () => void subscribed--;
    },
  });
  const before = openDescriptors().length;
  const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(running)));
  for (const socket of sockets) socket.write("GET /events HTTP/1.1\r\nhost: d\r\n\r\n");
  await expect.poll(() => subscribed).toBe(100);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => subscribed).toBe(0);
  await settled(before);
});

test.each(UNFINISHED)("a client that never finishes its %s is told so, and let go", async (_part, bytes) => {
  await using running = await startApi({}, { requestTimeoutMs: 2000 });
  // Whoever has asked whole is not held to it.
  const follower = await dial(running);
  let heard = "";
  follower.on("data", (chunk) => (heard += String(chunk)));
  follower.write("GET /events HTTP/1.1\r\nhost: d\r\n\r\n");
  await expect.poll(() => running.engine.subscribers).toBe(1);
  const before = openDescriptors().length;
  const raw = await sendRaw(running.socketPath, bytes, { end: false });
  expect(lastStatus(raw)).toBe("HTTP/1.1 408 Request Timeout");
  expect(messageOf(raw)).toBe("request: not whole in time");
  await settled(before);
  running.engine.emit({ action: "create", attributes: { name: "n", driver: "bridge" } });
  await expect.poll(() => heard).toContain('"Action":"create"');
  expect(running.engine.calls.map(([method]) => method)).toEqual(["subscribe"]);
});

test.each(UNFINISHED)(
  "a client that never finishes its %s does not hold up the daemon's end",
  async (_part, bytes) => {
    const running = await startApi();
    const socket = await dial(running);
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
    // The server has read it when it has answered another client since.
    await dockerAsk(running, { path: "/_ping" });
    const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
    await running[Symbol.asyncDispose]();
    await closed;
    expect(running.engine.calls).toEqual([]);
  },
);
