import fc from "fast-check";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Engine } from "../../engine/contract.ts";
import { dockerAsk, isDockers500 } from "../../testkit/docker-api.ts";
import { bodiesFor } from "../../testkit/docker-bodies.ts";
import { type Boot, Machine } from "../../testkit/machine.ts";
import { faultsOf, pictureOf } from "../../testkit/soundness.ts";
import { listenOnSocket } from "../listen.ts";
import { createApi } from "../server.ts";

const SLEEP = { command: ["sleep", "infinity"], env: [], workingDir: "/" };

const BACK = {
  name: "back",
  enableIPv6: true,
  ipam: { config: [{ subnet: "10.7.0.0/30" }, { subnet: "fd00:7::/64" }] },
};

const REFS = ["front", "back", "back", "web", "web", "bridge", "host", "nope", "a%2Fb"];

/** Routes that answer when a process says so. */
const WAITS = /\/(wait|attach|start|resize)$/;

/** Statuses that Docker refuses with. */
const REFUSED = [400, 403, 404, 405, 409, 413, 501, 503];

/** The API on an engine with its real drivers, IPAM and store, on a kernel in memory: networks `front` and `back`, sandbox `web`. */
async function start(): Promise<
  AsyncDisposable & {
    readonly machine: Machine;
    readonly boot: Boot;
    readonly socketPath: string;
    /** Every path, as it is registered. */
    readonly posts: readonly string[];
  }
> {
  const machine = new Machine();
  const boot = await machine.boot();
  const { engine } = boot;
  await engine.createNetwork({ name: "front", ipam: { config: [{ subnet: "10.8.0.0/24" }] } });
  await engine.createNetwork(BACK);
  await engine.createSandbox({ name: "web", process: SLEEP, networks: [{ network: "front" }] });
  const api = createApi({ engine, version: "0.0.0-test", info: () => ({}) as never });
  const posts: string[] = [];
  api.addHook("onRoute", ({ method, url }) => {
    if (method === "POST" && !url.startsWith("/netdock/") && !url.startsWith("/v:")) posts.push(url);
  });
  const socketPath = join(machine.dir, "api.sock");
  await listenOnSocket(api, { path: socketPath });
  return {
    machine,
    boot,
    socketPath,
    posts,
    async [Symbol.asyncDispose]() {
      await api.close();
      await engine.close();
      machine[Symbol.dispose]();
    },
  };
}

/** Requests that go well. */
const WHOLE = [
  { path: "/networks/create", body: '{"Name":"whole","Labels":{"a":"b"}}' },
  { path: "/networks/back/connect", body: '{"Container":"web","EndpointConfig":{"Aliases":["w"]}}' },
  { path: "/networks/front/disconnect", body: '{"Container":"web","Force":true}' },
];

/** Takes back what a request that went well has made or changed. */
async function restore(engine: Engine): Promise<void> {
  for (const { id, container } of engine.containers.list()) {
    if (container !== undefined) await engine.containers.remove(id, { force: true });
  }
  for (const { name, state: now } of engine.sandboxes()) {
    if (name !== "web" || now !== "running") await engine.removeSandbox(name, { force: true });
  }
  for (const network of engine.networks()) {
    const isOurs = network.predefined || ["front", "back"].includes(network.name);
    const keeps = network.name === "front" ? "web" : undefined;
    for (const { sandboxName } of network.endpoints) {
      if (sandboxName !== keeps) await engine.disconnect(sandboxName, network.id);
    }
    if (!isOurs) await engine.removeNetwork(network.id);
  }
  // A prune takes it.
  if (!engine.networks().some(({ name }) => name === "back")) await engine.createNetwork(BACK);
  if (engine.sandboxes().length === 0)
    await engine.createSandbox({ name: "web", process: SLEEP, networks: [] });
  if (engine.network("front").endpoints.length === 0) await engine.connect("web", { network: "front" });
}

test("whatever is posted where, the answer is a success or a refusal, and a refusal changes nothing", async () => {
  await using running = await start();
  const { machine, boot, posts } = running;
  expect(posts).toContain("/networks/:ref/connect");
  // What is refused whatever its body, as images are, needs fewer rounds.
  const isServed = (path: string): boolean => /^\/(networks|containers|exec)\//.test(path);
  const done = new Set<string>();
  const path = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...posts.filter(isServed)) },
    { weight: 3, arbitrary: fc.constant("/networks/create") },
    { weight: 3, arbitrary: fc.constantFrom("/networks/:ref/connect", "/networks/:ref/disconnect") },
    { weight: 1, arbitrary: fc.constantFrom(...posts.filter((one) => !isServed(one))) },
  );
  const requests = path.chain((route) =>
    fc.record({
      path: fc
        .constantFrom(...(WAITS.test(route) ? ["nope"] : REFS))
        .map((ref) => route.replace(/:[a-zA-Z]+|\*/g, ref)),
      body: bodiesFor(route),
      type: fc.oneof(
        { weight: 12, arbitrary: fc.constant("application/json") },
        fc.constantFrom("", "text/plain", "application/json; charset=utf-16", ";;;", "application/x-tar"),
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(requests, async ({ path, body, type }) => {
      const before = pictureOf(machine, boot);
      const answer = await dockerAsk(running, {
        method: "POST",
        path,
        body,
        headers: type === "" ? {} : { "content-type": type },
      });
      if (answer.status < 400) {
        done.add(path);
        await restore(boot.engine);
        return;
      }
      const { message, ...more } = JSON.parse(answer.text) as { readonly message: string };
      expect({ more, type: answer.headers["content-type"] }).toEqual({ more: {}, type: "application/json" });
      expect(message).not.toBe("");
      if (answer.status === 500) expect(isDockers500(message), message).toBe(true);
      else expect(REFUSED, `${answer.status} ${message}`).toContain(answer.status);
      expect(pictureOf(machine, boot)).toBe(before);
    }),
    // Chance makes few requests whole, so some are given: not only refusals are to be seen.
    { numRuns: 800, examples: WHOLE.map((one) => [{ ...one, type: "application/json" }]) },
  );
  expect([...done]).toEqual(expect.arrayContaining(WHOLE.map(({ path }) => path)));
  expect(await faultsOf(machine, boot)).toEqual([]);
  expect(boot.complaints).toEqual([]);
});
