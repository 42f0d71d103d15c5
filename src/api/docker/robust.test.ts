import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDescriptors, type RunningApi, sendRaw, startApi } from "../../testkit/api-server.ts";
import { type DockerAnswer, dockerAsk, errorMessage, isDockers500 } from "../../testkit/docker-api.ts";
import { type Boot, Machine } from "../../testkit/machine.ts";
import { faultsOf, pictureOf } from "../../testkit/soundness.ts";

/** How long something may take that is on its way, on a machine with much else to do. */
const PATIENT = { timeout: 20_000 };

/** No connection is kept for later, so that descriptors can be counted. */
const CLOSE = { connection: "close" };
const JSON_TYPE = { "content-type": "application/json", ...CLOSE };

describe("a real engine on a machine in memory", () => {
  let machine: Machine;
  let boot: Boot;
  let running: RunningApi;
  beforeEach(async () => {
    machine = new Machine();
    boot = await machine.boot();
    await boot.engine.createNetwork({ name: "web", ipam: { config: [{ subnet: "10.7.0.0/24" }] } });
    for (const name of ["c1", "c2"]) await boot.engine.createSandbox({ name });
    running = await startApi(boot.engine);
  });
  afterEach(async () => {
    await running[Symbol.asyncDispose]();
    machine[Symbol.dispose]();
  });

  const post = (path: string, body: string): Promise<DockerAnswer> =>
    dockerAsk(running, { method: "POST", path, body, headers: JSON_TYPE });

  test("a thousand requests at once, of every kind, are all answered, and the machine is sound", async () => {
    const before = openDescriptors().length;
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => {
        const name = `n${i % 50}`;
        const asks: readonly (() => Promise<DockerAnswer>)[] = [
          () => post("/networks/create", JSON.stringify({ Name: name })),
          () => post(`/networks/${name}/connect`, JSON.stringify({ Container: i % 2 === 0 ? "c1" : "c2" })),
          () =>
            post(`/networks/${name}/disconnect`, JSON.stringify({ Container: i % 2 === 0 ? "c1" : "c2" })),
          () => dockerAsk(running, { method: "DELETE", path: `/networks/${name}`, headers: CLOSE }),
          () => dockerAsk(running, { path: "/networks", headers: CLOSE }),
        ];
        return (asks[i % asks.length] as () => Promise<DockerAnswer>)();
      }),
    );
    const strange = answers.filter((answer) => answer.status >= 500 && !isDockers500(errorMessage(answer)));
    expect(strange).toEqual([]);
    expect(answers.some(({ status }) => status === 201)).toBe(true);
    expect(await faultsOf(machine, boot)).toEqual([]);
    await expect.poll(() => openDescriptors().length, PATIENT).toBeLessThanOrEqual(before);
  });

  test("a half-closed connection has its whole answer, and what it asked is done once", async () => {
    const body = JSON.stringify({ Name: "half" });
    const answer = await sendRaw(
      running.socketPath,
      `POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      { end: true },
    );
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(answer).toContain("\r\napi-version: 1.50\r\n");
    expect(boot.engine.network("half").name).toBe("half");
  });

  test("clients that stop in the middle of a body change nothing and leave nothing open", async () => {
    const before = openDescriptors().length;
    const picture = pictureOf(machine, boot);
    const head =
      "POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n";
    const ended = Array.from({ length: 50 }, (_, i) =>
      // Half of them only end their side, the others are gone.
      i % 2 === 0
        ? sendRaw(running.socketPath, `${head}{"Name":"cut${i}"`, { end: true })
        : leave(`${head}{"Na`),
    );
    await Promise.all(ended);
    await expect.poll(() => openDescriptors().length, PATIENT).toBeLessThanOrEqual(before);
    expect(pictureOf(machine, boot)).toBe(picture);
    expect((await dockerAsk(running, { path: "/_ping" })).text).toBe("OK");
  });

  test("a client that sends a byte at a time is served like any other, and holds up nobody", async () => {
    const body = JSON.stringify({ Name: "slow" });
    const request = `POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    const socket = connect({ path: running.socketPath });
    const answer = Promise.withResolvers<string>();
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("end", () => answer.resolve(text));
    for (const byte of request) {
      await new Promise<void>((resolve) => {
        socket.write(byte, () => resolve());
      });
      // Somebody else's request in between is answered at once.
      if (byte === "\n") expect((await dockerAsk(running, { path: "/_ping" })).status).toBe(200);
    }
    expect(await answer.promise).toMatch(/^HTTP\/1\.1 201 /);
    expect(boot.engine.network("slow").name).toBe("slow");
  });

  function leave(bytes: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ path: running.socketPath });
      socket.once("close", () => resolve());
      socket.write(bytes, () => socket.destroy());
    });
  }
});

test("a follower of events that reads nothing is cut off, and the others go on", async () => {
  await using running = await startApi();
  const deaf = connect({ path: running.socketPath });
  const gone = new Promise((resolve) => deaf.once("close", resolve));
  deaf.on("error", () => undefined);
  deaf.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => running.engine.subscribers, PATIENT).toBe(1);
  deaf.pause();
  const attributes = { name: "x".repeat(1000), driver: "bridge" };
  for (let i = 0; i < 3000; i++) running.engine.emit({ action: "create", attributes });
  await expect.poll(() => running.engine.subscribers, PATIENT).toBe(0);
  expect((await dockerAsk(running, { path: "/_ping" })).text).toBe("OK");
  deaf.resume();
  await gone;
});
