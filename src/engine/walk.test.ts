import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isNetError, type ErrorCode } from "../base/errors.ts";
import type { Engine } from "./contract.ts";
import { JOURNAL_STEPS, type JournalStep } from "./journal.ts";
import { Machine, type Boot } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

/**
 * Random walks: users who ask for anything, processes that end, others who meddle with the kernel, and a daemon that dies at
 * any step. Whatever happened, a machine on which nothing is under way is sound. Names, addresses and ports come from small
 * sets, so that they collide often; subnets are so small that they run full.
 */
type Step =
  | { readonly kind: "ask"; readonly asks: readonly Ask[]; readonly kill: Kill | undefined }
  | {
      readonly kind: "meddle";
      readonly what: "links" | "firewall" | "pins" | "routes";
      readonly pick: number;
    }
  | { readonly kind: "restart" };

interface Ask {
  readonly text: string;
  readonly run: (engine: Engine, machine: Machine) => Promise<unknown>;
}

interface Kill {
  readonly step: JournalStep;
  readonly nth: number;
}

/** How a request may be refused. Anything else is a fault of ours. */
const REFUSALS: readonly ErrorCode[] = [
  "invalid",
  "not_found",
  "conflict",
  "in_use",
  "forbidden",
  "exhausted",
  "unsupported",
];

const networkName = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom("n0", "n1", "n2") },
  { weight: 1, arbitrary: fc.constantFrom("bridge", "none", "host") },
);
const sandboxName = fc.constantFrom("a", "b", "c");
const subnet = fc.constantFrom("10.1.0.0/29", "10.2.0.0/29", "10.3.0.0/30", "10.1.0.0/16", undefined);
const publish = fc.constantFrom(
  "80:80",
  "127.0.0.1:80:80",
  "81:80/udp",
  "80",
  "90-92:90-92",
  "[fd00::9]:80:80",
  "91:1",
);

const join = fc.record(
  {
    network: networkName,
    gwPriority: fc.constantFrom(0, 1, 2),
    ipv4: fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom("10.1.0.2", "10.2.0.3", "10.9.9.9") },
    ),
    interfaceName: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom("eth0", "eth1", "lan") },
    ),
  },
  { requiredKeys: ["network"] },
);

/** One network once, as a user who looks first would ask. */
const joins = fc.uniqueArray(join, { maxLength: 3, selector: (wish) => wish.network });
const command = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom({ command: ["/bin/true"], env: [] }, undefined) },
  { weight: 1, arbitrary: fc.constant({ command: ["/missing"], env: [] }) },
);

/** So that most of what is asked for later finds something. */
async function settle(engine: Engine): Promise<void> {
  await engine.createNetwork({ name: "n0", ipam: { config: [{ subnet: "10.1.0.0/29" }] } });
  await engine.createNetwork({ name: "n1", enableIPv6: true });
  await engine.createNetwork({ name: "n2", internal: true });
  const process = { command: ["/bin/true"], env: [] };
  await engine.createSandbox({ name: "a", networks: [{ network: "n0" }], publish: ["80:80"], process });
  await engine.createSandbox({
    name: "b",
    networks: [{ network: "n1" }, { network: "n2" }],
    publish: ["81"],
  });
}

const ask: fc.Arbitrary<Ask> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ name: networkName, subnet, internal: fc.boolean(), enableIPv6: fc.boolean() })
      .map(({ subnet: wanted, ...request }) =>
        told(
          "createNetwork",
          (engine) =>
            engine.createNetwork({
              ...request,
              ...(wanted === undefined ? {} : { ipam: { config: [{ subnet: wanted }] } }),
            }),
          request,
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: networkName.map((name) => told("removeNetwork", (engine) => engine.removeNetwork(name), name)),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({
        name: sandboxName,
        networks: joins,
        publish: fc.array(publish, { maxLength: 2 }),
        autoRemove: fc.boolean(),
        process: command,
      })
      .map((request) => told("createSandbox", (engine) => engine.createSandbox(request), request)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(sandboxName, join)
      .map(([name, wish]) => told("connect", (engine) => engine.connect(name, wish), name, wish)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(sandboxName, networkName)
      .map(([name, network]) =>
        told("disconnect", (engine) => engine.disconnect(name, network), name, network),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(networkName, networkName, fc.boolean(), fc.constantFrom([], ["80"], ["80-90", "85-99/udp"]))
      .map(([a, b, oneWay, ports]) =>
        told("peer", (engine) => engine.peer(a, { network: b, oneWay, ports }), a, b, oneWay, ports),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        networkName,
        fc.option(sandboxName, { nil: undefined }),
        fc.option(
          fc.record({
            default: fc.constantFrom("allow" as const, "deny" as const),
            rules: fc.subarray([
              "deny=10.1.0.0/16",
              "allow=10.0.0.0/8,443",
              "deny=any,25/tcp",
              "allow=fd00::/8",
            ]),
          }),
          { nil: undefined },
        ),
      )
      .map(([network, sandbox, policy]) =>
        policy === undefined
          ? told("clearPolicy", (engine) => engine.clearPolicy(network, { sandbox }), network, sandbox)
          : told(
              "setPolicy",
              (engine) => engine.setPolicy(network, { sandbox, ...policy }),
              network,
              sandbox,
              policy,
            ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(networkName, networkName)
      .map(([a, b]) => told("unpeer", (engine) => engine.unpeer(a, b), a, b)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        sandboxName,
        fc.array(publish, { minLength: 1, maxLength: 2 }),
        fc.constantFrom("publish", "unpublish", "allow"),
      )
      .map(([name, ports, what]) => told(what, (engine) => engine[what](name, ports), name, ports)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(sandboxName, fc.boolean())
      .map(([name, force]) =>
        told("removeSandbox", (engine) => engine.removeSandbox(name, { force }), name, force),
      ),
  },
  {
    weight: 1,
    arbitrary: sandboxName.map((name) =>
      told("startProcess", (engine) => engine.startProcess(name, { command: ["/bin/true"], env: [] }), name),
    ),
  },
  {
    weight: 1,
    arbitrary: sandboxName.map((name) =>
      told("stopProcess", (engine) => engine.stopProcess(name, { timeoutSeconds: 1, signal: 15 }), name),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(5).map((at) =>
      told(
        "exit",
        (_engine, machine) => {
          const process = [...machine.processes.running.values()][at];
          process?.end(3);
          return Promise.resolve();
        },
        at,
      ),
    ),
  },
  { weight: 1, arbitrary: fc.constant(told("prune", (engine) => engine.pruneNetworks())) },
  { weight: 1, arbitrary: fc.constant(told("reconcile", (engine) => engine.reconcile({ dryRun: false }))) },
);

function told(name: string, run: Ask["run"], ...facts: readonly unknown[]): Ask {
  return { text: `${name} ${facts.map((fact) => JSON.stringify(fact)).join(" ")}`, run };
}

const kill = fc.record({ step: fc.constantFrom(...JOURNAL_STEPS), nth: fc.constantFrom(1, 1, 2) });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      asks: fc.array(ask, { minLength: 1, maxLength: 3 }),
      kill: fc.option(kill, { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("meddle" as const),
      what: fc.constantFrom("links" as const, "firewall" as const, "pins" as const, "routes" as const),
      pick: fc.nat(20),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

/** Others change what is ours. */
function meddle(machine: Machine, { what, pick }: Extract<Step, { kind: "meddle" }>): void {
  const { kernel } = machine;
  const at = <T>(list: readonly T[]): T | undefined => list[pick % Math.max(1, list.length)];
  switch (what) {
    case "links": {
      const name = at([...kernel.host.links.keys()].filter((link) => link !== "lo"));
      if (name !== undefined) kernel.apply({ op: "link.delete", netns: "host", name });
      return;
    }
    case "firewall":
      if (pick % 2 === 0) kernel.firewall = undefined;
      else kernel.firewall?.delete(at([...kernel.firewall.keys()]) ?? "");
      return;
    case "pins": {
      const key = at([...kernel.pins.keys()]);
      if (key !== undefined) kernel.deleteNetns(key);
      return;
    }
    case "routes":
      at([...kernel.pins.values()])?.routes.clear();
  }
}

describe("a random walk", () => {
  test("leaves a sound machine after every step, crashes included", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        using machine = new Machine();
        let boot = await machine.boot();
        await settle(boot.engine);
        for (const one of steps) {
          boot = await walk(machine, boot, one);
          expect(await faultsOf(machine, boot)).toEqual([]);
        }
      }),
      { numRuns: Number(process.env["NETDOCK_WALKS"] ?? 25) },
    );
  });
});

async function walk(machine: Machine, boot: Boot, one: Step): Promise<Boot> {
  if (one.kind === "restart") {
    await boot.engine.close();
    return machine.boot();
  }
  if (one.kind === "meddle") {
    meddle(machine, one);
    await boot.engine.reconcile({ dryRun: false });
    return boot;
  }
  if (one.kill !== undefined) boot.dieAt(one.kill.step, one.kill.nth);
  const results = await Promise.allSettled(one.asks.map((a) => a.run(boot.engine, machine)));
  // Ends of processes, removals of sandboxes whose process ended, links on their way out.
  await machine.quiet();
  for (const [i, result] of results.entries()) {
    if (result.status === "fulfilled") continue;
    // The clients of a daemon that dies learn nothing, whatever they asked for.
    if (!boot.dead && !isNetError(result.reason, ...REFUSALS))
      throw new Error(`${one.asks[i]?.text}`, { cause: result.reason });
  }
  if (boot.dead) return machine.reboot();
  boot.dieAt("network.create:intended", Infinity);
  return boot;
}
