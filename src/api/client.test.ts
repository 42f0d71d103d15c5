import { spawn } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ERROR_CODES, NetError } from "../base/errors.ts";
import { type RunningApi, startApi } from "../testkit/api-server.ts";
import { sampleEndpoint, sampleNetwork, sampleSandbox } from "../testkit/scripted-engine.ts";
import type { Client } from "./client.ts";
import { reviveError } from "./transport.ts";

const spec = { command: ["sleep", "1"], env: ["PATH=/bin"], workingDir: "/srv" };

/** Every method that calls the engine: what it is called with, what the engine then is called with, what comes back. */
const calls: readonly (readonly [
  name: string,
  run: (client: Client) => Promise<unknown>,
  engine: readonly unknown[],
  answer: unknown,
])[] = [
  ["networks", (client) => client.networks(), ["networks"], [sampleNetwork()]],
  ["network", (client) => client.network("backend"), ["network", "backend"], sampleNetwork()],
  [
    "createNetwork",
    (client) =>
      client.createNetwork({
        name: "n",
        ipam: { config: [{ subnet: "10.5.0.0/24" }] },
        labels: { "a/b": "ü" },
      }),
    ["createNetwork", { name: "n", ipam: { config: [{ subnet: "10.5.0.0/24" }] }, labels: { "a/b": "ü" } }],
    sampleNetwork({ name: "n" }),
  ],
  ["removeNetwork", (client) => client.removeNetwork("backend"), ["removeNetwork", "backend"], undefined],
  ["pruneNetworks", (client) => client.pruneNetworks(), ["pruneNetworks"], { removed: ["backend"] }],
  ["leases", (client) => client.leases("backend"), ["leases", "backend"], []],
  [
    "connect",
    (client) => client.connect("backend", { sandbox: "web", aliases: ["db"], gwPriority: -1 }),
    ["connect", "web", { network: "backend", aliases: ["db"], gwPriority: -1 }],
    sampleEndpoint(),
  ],
  [
    "peer",
    (client) => client.peer("backend", { network: "store", oneWay: true, ports: ["80/tcp"] }),
    ["peer", "backend", { network: "store", oneWay: true, ports: ["80/tcp"] }],
    sampleNetwork(),
  ],
  [
    "setPolicy",
    (client) => client.setPolicy("backend", { default: "deny", rules: ["allow=10.0.0.0/8,443/tcp"] }),
    ["setPolicy", "backend", { default: "deny", rules: ["allow=10.0.0.0/8,443/tcp"] }],
    sampleNetwork(),
  ],
  [
    "clearPolicy",
    (client) => client.clearPolicy("backend", { sandbox: "a b" }),
    ["clearPolicy", "backend", { sandbox: "a b" }],
    undefined,
  ],
  ["unpeer", (client) => client.unpeer("backend", "store"), ["unpeer", "backend", "store"], undefined],
  [
    "disconnect",
    (client) => client.disconnect("backend", "web"),
    ["disconnect", "web", "backend"],
    undefined,
  ],
  [
    "cut",
    (client) => client.cut("backend", "web"),
    ["setLink", "web", "backend", { connected: false }],
    undefined,
  ],
  [
    "heal",
    (client) => client.heal("backend", "web"),
    ["setLink", "web", "backend", { connected: true }],
    undefined,
  ],
  ["partition", (client) => client.partition(), ["partition"], { cut: [], groups: [] }],
  [
    "setPartition",
    (client) => client.setPartition([["a"], ["b"]]),
    ["setPartition", [["a"], ["b"]]],
    undefined,
  ],
  ["sandboxes", (client) => client.sandboxes(), ["sandboxes"], [sampleSandbox()]],
  ["sandbox", (client) => client.sandbox("web"), ["sandbox", "web"], sampleSandbox()],
  [
    "createSandbox",
    (client) => client.createSandbox({ name: "s", networks: [{ network: "backend" }], publish: ["80:80"] }),
    ["createSandbox", { name: "s", networks: [{ network: "backend" }], publish: ["80:80"] }],
    sampleSandbox({ name: "s" }),
  ],
  [
    "publish",
    (client) => client.publish("web", ["8080:80"]),
    ["publish", "web", ["8080:80"]],
    sampleSandbox(),
  ],
  ["allow", (client) => client.allow("web", ["80"]), ["allow", "web", ["80"]], sampleSandbox()],
  ["unpublish", (client) => client.unpublish("web", ["80"]), ["unpublish", "web", ["80"]], sampleSandbox()],
  [
    "removeSandbox",
    (client) => client.removeSandbox("web", { force: true }),
    ["removeSandbox", "web", { force: true }],
    undefined,
  ],
  [
    "removeSandbox gently",
    (client) => client.removeSandbox("web", { force: false }),
    ["removeSandbox", "web", { force: false }],
    undefined,
  ],
  [
    "startProcess",
    (client) => client.startProcess("web", spec),
    ["startProcess", "web", spec],
    sampleSandbox({ state: "running" }),
  ],
  [
    "adoptProcess",
    (client) => client.adoptProcess("web", { pid: 7, spec }),
    ["adoptProcess", "web", { pid: 7, spec }],
    sampleSandbox({ state: "running" }),
  ],
  ["reportExit", (client) => client.reportExit("web", 137), ["reportExit", "web", 137], undefined],
  [
    "stopProcess",
    (client) => client.stopProcess("web", { timeoutSeconds: 3, signal: 2 }),
    ["stopProcess", "web", { timeoutSeconds: 3, signal: 2 }],
    undefined,
  ],
  [
    "stopProcess as docker does",
    (client) => client.stopProcess("web", {}),
    ["stopProcess", "web", { timeoutSeconds: 10, signal: 15 }],
    undefined,
  ],
  [
    "sandboxFiles",
    (client) => client.sandboxFiles("web"),
    ["sandboxFiles", "web"],
    { resolvConf: "/r/resolv.conf", hosts: "/r/hosts", hostname: "/r/hostname" },
  ],
  [
    "reconcile",
    (client) => client.reconcile({ dryRun: true }),
    ["reconcile", { dryRun: true }],
    { differences: [], repaired: false },
  ],
];

test.each(calls)("%s() reaches the engine and brings its answer", async (_name, run, engine, answer) => {
  await using running = await startApi();
  expect(await run(running.client)).toEqual(answer);
  expect(running.engine.calls).toEqual([engine]);
});

test("ping(), version(), info() and openapi() say what answers", async () => {
  await using running = await startApi();
  const { client, socketPath } = running;
  expect(await client.ping()).toEqual({ ok: true });
  expect(await client.version()).toMatchObject({
    name: "netdock",
    version: "0.0.0-test",
    apiVersion: 1,
    node: process.version,
  });
  expect(await client.info()).toMatchObject({
    pid: process.pid,
    socket: socketPath,
    networks: 1,
    endpoints: 1,
    sandboxes: { total: 1, running: 0 },
  });
  expect(await client.openapi()).toMatchObject({
    openapi: "3.1.0",
    info: { title: "netdock", version: "0.0.0-test" },
  });
});

test.each(ERROR_CODES)("a refusal, %s, is the NetError that the engine threw", async (code) => {
  const thrown = new NetError(code, "network.create", {
    message: "subnet: overlaps",
    subject: "backend",
    field: "subnet",
    value: "x",
    remedy: "y",
    errno: "EEXIST",
    kernel: "z",
  });
  await using running = await startApi({ createNetwork: () => Promise.reject(thrown) });
  const caught = await running.client.createNetwork({ name: "a" }).catch((error: unknown) => error);
  expect(caught).toBeInstanceOf(NetError);
  expect((caught as NetError).toJSON()).toEqual(thrown.toJSON());
});

test("reviveError() takes what is no error for none, and an unknown code for internal", () => {
  for (const value of [
    undefined,
    null,
    1,
    "x",
    [],
    {},
    { error: null },
    { error: "x" },
    { error: {} },
    { message: "x" },
  ]) {
    expect(reviveError(value)).toBeUndefined();
  }
  expect(reviveError({ error: { code: "new_one", op: "x", message: "m" } })).toMatchObject({
    code: "internal",
    op: "x",
  });
});

describe("an aborted call", () => {
  test("throws cancelled, and its connection is not used again", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using running: RunningApi = await startApi({
      removeNetwork: async () => {
        asked.resolve();
        await answer.promise;
      },
    });
    const controller = new AbortController();
    const call = running.client.removeNetwork("backend", { signal: controller.signal });
    await asked.promise;
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled", op: "DELETE /networks/backend" });
    expect(await running.client.ping()).toEqual({ ok: true });
    answer.resolve();
  });

  test("throws before it asks when the signal is spent", async () => {
    await using running = await startApi();
    const call = running.client.networks({ signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    expect(running.engine.calls).toEqual([]);
  });
});

test("calls wait for a free connection while streams have their own", async () => {
  await using running = await startApi();
  const streams = await Promise.all(Array.from({ length: 100 }, () => running.client.events({})));
  expect(await running.client.ping()).toEqual({ ok: true });
  expect(streams).toHaveLength(100);
});

test("a program ends by itself after its calls, and the client loads nothing of the server", async () => {
  await using running = await startApi();
  const script = `
    import { connect } from ${JSON.stringify(new URL("client.ts", import.meta.url).href)};
    const client = connect({ host: "unix://${running.socketPath}" });
    console.log(JSON.stringify(await client.ping()));
    const modules = process.getBuiltinModule("node:module");
    console.log(Object.keys(modules._cache).length);`;
  const { promise, resolve } = Promise.withResolvers<readonly [string, number | null]>();
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.on("close", (status) => resolve([output, status]));
  expect(await promise).toEqual(['{"ok":true}\n0\n', 0]);
});
