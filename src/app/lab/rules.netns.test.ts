import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEngine, type NetworkEngine, type NetworkHandle, type SandboxHandle } from "../index.ts";

/** Longer than any answer within one machine takes. */
const QUIET_MS = 300;

let net: NetworkEngine;
let front: NetworkHandle;
let app: SandboxHandle;
let db: SandboxHandle;

beforeEach(async () => {
  net = await createEngine();
  front = await net.createNetwork("front");
  await net.createNetwork("back");
  app = await net.createSandbox({ name: "app", networks: ["front"] });
  db = await net.createSandbox({ name: "db", networks: ["back"] });
  await db.listen(
    createServer((socket) => socket.destroy()),
    { port: 80 },
  );
});
afterEach(() => net.close());

async function reaches(host: string): Promise<void> {
  (await app.dial({ host, port: 80, signal: AbortSignal.timeout(10_000) })).destroy();
}

async function loses(host: string): Promise<void> {
  const signal = AbortSignal.timeout(QUIET_MS);
  await expect(app.dial({ host, port: 80, signal })).rejects.toMatchObject({ code: "cancelled" });
}

describe("rules between networks, in process", () => {
  it("peers reach each other, as far as the policy lets them", async () => {
    await loses(db.ip());
    await front.peer("back", { oneWay: true, ports: ["80/tcp"] });
    await reaches(db.ip());
    await front.setPolicy({ default: "deny", rules: [] });
    await loses(db.ip());
    await front.setPolicy({ sandbox: "app", default: "deny", rules: [`allow=${db.ip()},80`] });
    await reaches(db.ip());
    await front.clearPolicy({ sandbox: "app" });
    await loses(db.ip());
    await front.clearPolicy();
    await reaches(db.ip());
    await front.unpeer("back");
    await loses(db.ip());
  });

  it("ports come and go while the server runs", async () => {
    await db.publish("8080:80");
    (await net.dial({ host: "localhost", port: 8080 })).destroy();
    await db.unpublish("8080:80");
    await expect(net.dial({ host: "127.0.0.1", port: 8080 })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
