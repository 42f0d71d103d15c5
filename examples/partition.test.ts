// How a distributed system is tested with netdock, with nothing but Node's own test runner. Three nodes of a replicated
// register (examples/partition/register.ts) run as three processes, each with a network stack of its own, and the network
// between them is broken on purpose.
//
//   sudo node --test examples/partition.test.ts
//
// or, without root, `unshare --map-root-user --net --mount --uts node --test examples/partition.test.ts`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEngine, type NetworkEngine, type SandboxHandle } from "netdock";

const NAMES = ["a", "b", "c"] as const;
const REGISTER = new URL("partition/register.ts", import.meta.url).pathname;

async function startNodes(net: NetworkEngine): Promise<SandboxHandle[]> {
  await net.createNetwork("ring");
  const nodes = await Promise.all(
    NAMES.map((name) =>
      net.start({
        name,
        networks: ["ring"],
        command: [process.execPath, REGISTER],
        env: { NAME: name, NODES: NAMES.join(",") },
      }),
    ),
  );
  await Promise.all(nodes.map((node) => node.line("listening", { signal: AbortSignal.timeout(30_000) })));
  return nodes;
}

/** Talks to a node as its clients do: from outside the partition, which is between the nodes only. */
async function call(net: NetworkEngine, node: string, body?: string): Promise<string> {
  const response = await net.fetch(`http://${node}/`, body === undefined ? {} : { method: "PUT", body });
  return `${response.status} ${await response.text()}`.trim();
}

test("a majority goes on, a minority refuses, and all agree in the end", { timeout: 120_000 }, async () => {
  await using net = await createEngine();
  await startNodes(net);
  assert.equal(await call(net, "a", "first"), "200 written as version 1");
  assert.equal(await call(net, "c"), "200 first");

  // Frames between the groups are lost from here on. Nobody is told: only time-outs can tell.
  await net.partition([["a", "b"], ["c"]]);
  assert.equal(await call(net, "a", "second"), "200 written as version 2");
  assert.equal(await call(net, "c", "other"), "503 Error: 1 of 3 nodes answer, too few");
  assert.equal(await call(net, "c"), "503 Error: 1 of 3 nodes answer, too few");

  await net.heal();
  // Who asked for a MAC address in vain asks again once a second: a network is never back at once.
  while ((await call(net, "c")) !== "200 second");
  assert.equal(await call(net, "c", "third"), "200 written as version 3");
  assert.equal(await call(net, "b"), "200 third");
});

test("a node that hangs is worked around, one that crashes catches up", { timeout: 120_000 }, async () => {
  await using net = await createEngine();
  const [a, b] = (await startNodes(net)) as [SandboxHandle, SandboxHandle];
  await call(net, "a", "first");

  b.kill("SIGSTOP");
  assert.equal(await call(net, "a", "second"), "200 written as version 2");
  b.kill("SIGCONT");

  a.kill();
  assert.equal(await a.exited, 137);
  await a.restart();
  await a.line("listening", { signal: AbortSignal.timeout(30_000) });
  // It came back empty, and the others remember.
  assert.equal(await call(net, "a"), "200 second");
});
