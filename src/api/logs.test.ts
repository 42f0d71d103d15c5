import fc from "fast-check";
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDescriptors, temporaryDirectory, startApi } from "../testkit/api-server.ts";
import { sampleSandbox } from "../testkit/scripted-engine.ts";
import { openLog, tailOffset } from "./logs.ts";

const never = new AbortController().signal;

async function read(
  path: string,
  request: { readonly tail?: number; readonly follow?: boolean; readonly ended?: AbortSignal },
): Promise<string> {
  const log = await openLog(path, { follow: request.follow ?? false });
  if (log === undefined) throw new Error(`${path} is not there`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of log.read({ tail: request.tail, ended: request.ended ?? never, left: never })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

describe("tailOffset() finds the last lines", () => {
  test.each([
    ["a\nb\nc\n", 1, "c\n"],
    ["a\nb\nc\n", 2, "b\nc\n"],
    ["a\nb\nc", 1, "c"],
    ["a\nb\nc", 2, "b\nc"],
    ["a\nb\nc\n", 3, "a\nb\nc\n"],
    ["a\nb\nc\n", 99, "a\nb\nc\n"],
    ["a\nb\nc\n", 0, ""],
    ["\n\n\n", 2, "\n\n"],
    ["", 5, ""],
    ["no newline", 5, "no newline"],
  ])("%j, the last %i", async (content, tail, expected) => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, content);
    expect(await read(path, { tail })).toBe(expected);
  });

  test("as splitting the whole text would, across blocks", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    const line = fc.nat(40_000).map((length) => "x".repeat(length));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 8 }),
        fc.boolean(),
        fc.nat(9),
        async (lines, closed, tail) => {
          const content = lines.join("\n") + (closed && lines.length > 0 ? "\n" : "");
          writeFileSync(path, content);
          await using file = await open(path, "r");
          const whole = content.endsWith("\n") ? content.slice(0, -1) : content;
          const expected =
            tail === 0 ? "" : whole.split("\n").slice(-tail).join("\n") + content.slice(whole.length);
          expect(content.length - (await tailOffset(file, tail))).toBe(expected.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("openLog()", () => {
  test("knows that there is none", async () => {
    expect(await openLog("/nonexistent/log", { follow: true })).toBeUndefined();
  });

  test("refuses what cannot be read, naming it", async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/log/log`;
    writeFileSync(join(directory.path, "log"), "");
    await expect(openLog(path, { follow: false })).rejects.toMatchObject({ code: "internal", subject: path });
  });

  test("reads bytes as they are, in blocks", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    const content = "åß∂ƒ".repeat(50_000);
    writeFileSync(path, content);
    expect(await read(path, {})).toBe(content);
  });

  test("follows what is appended until the writer has ended, its last words included", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "old\n");
    const ended = new AbortController();
    const log = await openLog(path, { follow: true });
    const source = log?.read({ tail: undefined, ended: ended.signal, left: never });
    expect(Buffer.from((await source?.next())?.value as Uint8Array).toString()).toBe("old\n");
    const next = source?.next();
    appendFileSync(path, "one\n");
    expect(Buffer.from((await next)?.value as Uint8Array).toString()).toBe("one\n");
    const last = source?.next();
    // In one breath: nothing was woken yet when the writer ends.
    appendFileSync(path, "last words");
    ended.abort();
    expect(Buffer.from((await last)?.value as Uint8Array).toString()).toBe("last words");
    expect((await source?.next())?.done).toBe(true);
  });

  test("loses no byte of a writer that writes while it reads", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "");
    const ended = new AbortController();
    const all = read(path, { follow: true, ended: ended.signal });
    let written = "";
    for (let index = 0; index < 500; index++) {
      const line = `${index} ${"x".repeat(index * 3)}\n`;
      written += line;
      appendFileSync(path, line);
      if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    ended.abort();
    expect(await all).toBe(written);
  });

  test("begins anew when the file was emptied", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "a long first content\n");
    const ended = new AbortController();
    const source = (await openLog(path, { follow: true }))?.read({
      tail: undefined,
      ended: ended.signal,
      left: never,
    });
    await source?.next();
    const next = source?.next();
    truncateSync(path, 0);
    appendFileSync(path, "new\n");
    expect(Buffer.from((await next)?.value as Uint8Array).toString()).toBe("new\n");
    await source?.return();
  });

  test("closes its file and its watch when the reader leaves", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "x");
    const warm = await openLog(path, { follow: true });
    await warm?.read({ tail: undefined, ended: never, left: AbortSignal.abort() }).next();
    const before = openDescriptors();
    const left = new AbortController();
    const source = (await openLog(path, { follow: true }))?.read({
      tail: undefined,
      ended: never,
      left: left.signal,
    });
    await source?.next();
    expect(openDescriptors().length).toBeGreaterThan(before.length);
    const next = source?.next();
    left.abort();
    expect((await next)?.done).toBe(true);
    expect(openDescriptors()).toEqual(before);
  });
});

describe("GET /sandboxes/:ref/logs", () => {
  const status = { pid: 1, startTicks: 1, startedAt: "2026-01-31T12:00:00.000Z" };

  async function collect(chunks: AsyncIterableIterator<Uint8Array>): Promise<string> {
    let text = "";
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
    return text;
  }

  test("gives the whole log, or its tail", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "a\nb\nc\n");
    await using running = await startApi({ logPath: () => path });
    expect(await collect(await running.client.logs("web", { follow: false }))).toBe("a\nb\nc\n");
    expect(await collect(await running.client.logs("web", { follow: false, tail: 2 }))).toBe("b\nc\n");
    expect(running.engine.subscribers).toBe(0);
  });

  test("follows a running sandbox until it dies", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "a\n");
    const sandbox = sampleSandbox({ state: "running", status });
    await using running = await startApi({
      logPath: () => path,
      sandbox: () => sandbox,
      sandboxes: () => [sandbox],
    });
    const log = await running.client.logs("web", { follow: true });
    expect(Buffer.from((await log.next()).value as Uint8Array).toString()).toBe("a\n");
    const rest = collect(log);
    appendFileSync(path, "b\n");
    running.engine.emit({ type: "sandbox", action: "die", id: "another one" });
    appendFileSync(path, "c\n");
    running.engine.emit({ type: "sandbox", action: "die", id: sandbox.id });
    expect(await rest).toBe("b\nc\n");
    await expect.poll(() => running.engine.subscribers).toBe(0);
  });

  test("does not wait for a sandbox that has ended", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "a\n");
    await using running = await startApi({ logPath: () => path });
    expect(await collect(await running.client.logs("web", { follow: true }))).toBe("a\n");
  });

  test("ends when the server shuts down, and when the client leaves", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    writeFileSync(path, "");
    const sandbox = sampleSandbox({ state: "running", status });
    await using running = await startApi({
      logPath: () => path,
      sandbox: () => sandbox,
      sandboxes: () => [sandbox],
    });
    const abort = new AbortController();
    const leaving = await running.client.logs("web", { follow: true }, { signal: abort.signal });
    const broken = leaving.next();
    abort.abort();
    await expect(broken).rejects.toMatchObject({ code: "cancelled" });
    await expect.poll(() => running.engine.subscribers).toBe(0);
    const staying = collect(await running.client.logs("web", { follow: true }));
    await running.api.close();
    expect(await staying).toBe("");
    expect(running.engine.subscribers).toBe(0);
  });

  test("is empty before anything was started, and refused when a client has the output", async () => {
    let started = false;
    await using running = await startApi({ sandbox: () => sampleSandbox(started ? { status } : {}) });
    expect(await collect(await running.client.logs("web", { follow: true }))).toBe("");
    started = true;
    await expect(running.client.logs("web", { follow: false })).rejects.toMatchObject({
      code: "not_found",
      subject: "web",
      message: "sandbox web has no log: a client started its process, and has its output",
    });
  });

  test("brings a log that is larger than every buffer on its way", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "log");
    const size = 16 * 1024 * 1024;
    writeFileSync(path, "");
    truncateSync(path, size);
    await using running = await startApi({ logPath: () => path });
    let total = 0;
    for await (const chunk of await running.client.logs("web", { follow: false })) total += chunk.length;
    expect(total).toBe(size);
  });
});
