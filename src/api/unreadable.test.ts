import { connect as connectSocket } from "node:net";
import { describe, expect, test } from "vitest";
import {
  bodyOf,
  errorOf,
  JSON_TYPE,
  openDescriptors,
  send,
  sendRaw,
  startApi,
} from "../testkit/api-server.ts";

describe("a request that cannot be read", () => {
  test.each([
    ["text that is no JSON", '{"name": nope}', JSON_TYPE, "body: not JSON that can be read: "],
    ["JSON cut short", '{"name": "a"', JSON_TYPE, "body: not JSON that can be read: "],
    ["an empty body said to be JSON", "", JSON_TYPE, "body: empty, though its Content-Type says JSON"],
    [
      "a key that changes prototypes",
      '{"__proto__": {"name": "a"}}',
      JSON_TYPE,
      "body: not JSON that can be read: it holds",
    ],
    [
      "another content type",
      '{"name":"a"}',
      { "content-type": "text/plain" },
      'content-type: "text/plain" is not read here',
    ],
    ["a form", "name=a", { "content-type": "application/x-www-form-urlencoded" }, "content-type: "],
    ["no content type", '{"name":"a"}', {}, "content-type: nothing is not read here: send application/json"],
    [
      "a content type that is none",
      '{"name":"a"}',
      { "content-type": ";;" },
      'content-type: ";;" is not read here',
    ],
  ])("%s: 400 with the reason", async (_what, body, headers, words) => {
    await using running = await startApi();
    const answer = await send(running, {
      method: "POST",
      path: "/netdock/v1/networks",
      body,
      headers,
    });
    expect(answer.status).toBe(400);
    expect(answer.type).toBe("application/json; charset=utf-8");
    expect(errorOf(answer)).toMatchObject({ code: "invalid", op: "network.create" });
    expect(errorOf(answer).message).toContain(words);
    expect(running.engine.calls).toEqual([]);
  });

  test("a body of more than 1 MiB: 413, whether it says so before or not", async () => {
    await using running = await startApi();
    const body = JSON.stringify({ name: "x".repeat(1024 * 1024) });
    const path = "/netdock/v1/networks";
    const told = await send(running, { method: "POST", path, body, headers: JSON_TYPE });
    const chunked = { ...JSON_TYPE, "transfer-encoding": "chunked" };
    const untold = await send(running, { method: "POST", path, body, headers: chunked });
    for (const answer of [told, untold]) {
      expect(answer.status).toBe(413);
      expect(errorOf(answer)).toMatchObject({ code: "invalid", field: "body", op: "network.create" });
      expect(errorOf(answer).message).toContain("larger than 1048576 bytes");
    }
  });

  test("a body just below 1 MiB is read", async () => {
    await using running = await startApi();
    const body = JSON.stringify({ name: "x", labels: { big: "x".repeat(1024 * 1024 - 40) } });
    const answer = await send(running, {
      method: "POST",
      path: "/netdock/v1/networks",
      body,
      headers: JSON_TYPE,
    });
    expect(answer.status).toBe(201);
  });

  test("a body nested as deep as fits is refused like any other", async () => {
    await using running = await startApi();
    const depth = 500_000;
    const body = `{"name":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const answer = await send(running, {
      method: "POST",
      path: "/netdock/v1/networks",
      body,
      headers: JSON_TYPE,
    });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ field: "name" });
  });

  test("a body that ends early: 400 with the reason", async () => {
    await using running = await startApi();
    const head = "POST /netdock/v1/networks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    const raw = await sendRaw(running.socketPath, `${head}content-length: 100\r\n\r\n{"name":"a"`, {
      end: true,
    });
    expect(raw).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(errorOf(bodyOf(raw))).toMatchObject({
      code: "invalid",
      message: "request: ended before it was whole",
    });
    const chunked = await sendRaw(running.socketPath, `${head}transfer-encoding: chunked\r\n\r\n5\r\n{"nam`, {
      end: true,
    });
    expect(chunked).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(running.engine.calls).toEqual([]);
  });

  test("a client that vanishes in the middle of its body leaves nothing behind", async () => {
    await using running = await startApi();
    await running.client.ping();
    running.client.close();
    const before = openDescriptors();
    for (let round = 0; round < 20; round++) {
      const socket = connectSocket({ path: running.socketPath });
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      socket.on("close", () => resolve());
      socket.write(
        "POST /netdock/v1/networks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n",
        () => {
          socket.write('content-length: 100\r\n\r\n{"name":', () => socket.destroy());
        },
      );
      await closed;
    }
    // One more whole request: the server has handled all before it.
    expect((await send(running, { path: "/netdock/v1/ping", headers: { connection: "close" } })).status).toBe(
      200,
    );
    expect(running.engine.calls).toEqual([]);
    expect(openDescriptors()).toEqual(before);
  });

  test("bytes that are no HTTP: 400 with the reason", async () => {
    await using running = await startApi();
    const raw = await sendRaw(running.socketPath, "\x16\x03\x01 hello\r\n\r\n", { end: false });
    expect(raw).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(errorOf(bodyOf(raw)).message).toContain("request: not HTTP: ");
  });

  test("headers without end: 431 with the reason", async () => {
    await using running = await startApi();
    const head = `GET /netdock/v1/ping HTTP/1.1\r\nhost: x\r\nx-long: ${"x".repeat(20_000)}\r\n\r\n`;
    const raw = await sendRaw(running.socketPath, head, { end: false });
    expect(raw).toMatch(/^HTTP\/1\.1 431 /);
    expect(errorOf(bodyOf(raw)).message).toBe("request: its headers are too large");
  });

  test("a path that is no valid escape: 400 naming it", async () => {
    await using running = await startApi();
    const answer = await send(running, { path: "/netdock/v1/networks/%zz" });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: "invalid", field: "path" });
  });
});
