import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import { HOST, MatrixWorld } from "./matrix-world.ts";

/** Docker's tests of gateways, on one host; docs/docker-cases.md says which is which. */
let world: MatrixWorld;

beforeAll(async () => {
  world = await MatrixWorld.start({ brNetfilter: true });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

afterEach(() => world.clear());

describe("the default route", () => {
  test("is where the priorities say after each of nine steps, on five networks", async () => {
    for (const n of [1, 2, 3, 4, 5]) await world.network(`n${n}`, "46");
    const join = (n: number, gwPriority: number): object => ({
      network: `n${n}`,
      gwPriority,
      interfaceName: `n${n}`,
    });
    await world.engine.createSandbox({ name: "s", networks: [join(1, 0)] as never });
    const course: readonly [string, number | undefined, string][] = [
      ["n2", 100, "n2"],
      ["n3", -100, "n2"],
      ["n4", 0, "n2"],
      ["n5", 200, "n5"],
      ["n5", undefined, "n2"],
      ["n2", undefined, "n1"],
      ["n1", undefined, "n4"],
      ["n4", undefined, "n3"],
    ];
    expect(world.defaults("s")).toEqual(["n1", "n1"]);
    for (const [name, priority, gateway] of course) {
      if (priority === undefined) await world.engine.disconnect("s", name);
      else await world.engine.connect("s", join(Number(name.slice(1)), priority) as never);
      expect([name, ...world.defaults("s")]).toEqual([name, gateway, gateway]);
    }
    await world.engine.disconnect("s", "n3");
    expect(world.defaults("s")).toEqual(["-", "-"]);
  });

  test("of a sandbox made with several networks is that of the highest priority, whatever their order", async () => {
    for (const name of ["a", "b", "c"]) await world.network(name, "4");
    const networks = [
      { network: "a", interfaceName: "a" },
      { network: "b", interfaceName: "b", gwPriority: 10 },
      { network: "c", interfaceName: "c", gwPriority: -1 },
    ];
    for (const list of [networks, networks.toReversed()]) {
      const { name } = await world.engine.createSandbox({ networks: list });
      expect(world.defaults(name)).toEqual(["b", "-"]);
      const tied = await world.engine.createSandbox({
        networks: list.map(({ network: n, interfaceName }) => ({ network: n, interfaceName })),
      });
      // Equals: by name.
      expect(world.defaults(tied.name)).toEqual(["a", "-"]);
    }
  });
});

// Docker's TestGatewaySelection, with what a client outside meets after each step.
test("published ports move between the gateways of IPv4 and IPv6 with each network that comes and goes", async () => {
  await world.network("four", "4");
  await world.network("six", "6");
  await world.network("dual", "46");
  await world.network("inner", "46", { internal: true });
  await world.engine.createSandbox({
    name: "s",
    networks: [{ network: "four", interfaceName: "four" }],
    publish: ["8080:80"],
  });
  /** By which of the sandbox's links what is sent to the host's port comes in, for each family. */
  const led = (): string[] =>
    ([4, 6] as const).map((family) => {
      for (const { interfaceName, ipv4, ipv6 } of world.engine.sandbox("s").endpoints) {
        const cidr = family === 4 ? ipv4 : ipv6;
        if (cidr === undefined) continue;
        const at = { ip: cidr.split("/")[0] as Ip, port: 80 };
        const to = { ip: HOST[family] as Ip, port: 8080 };
        const asked = { protocol: "tcp", from: "outside", server: "s", at, to, timeoutMs: 500 } as const;
        if (world.ask(asked).kind === "arrived") return interfaceName as string;
      }
      return "-";
    });
  const join = (name: string, gwPriority = 0): Promise<unknown> =>
    world.engine.connect("s", { network: name, interfaceName: name, gwPriority });
  const leave = (name: string): Promise<unknown> => world.engine.disconnect("s", name);
  const course: readonly [() => Promise<unknown>, string, string][] = [
    // To a sandbox without IPv6 the proxy leads, which answers by IPv4 alone (test/e2e/proxy).
    [() => Promise.resolve(), "four", "-"],
    [() => join("six"), "four", "six"],
    [() => join("inner", 9), "four", "six"],
    [() => join("dual", 1), "dual", "dual"],
    [() => leave("four"), "dual", "dual"],
    [() => leave("dual"), "-", "six"],
    [() => join("four"), "four", "six"],
    [() => leave("six"), "four", "-"],
  ];
  for (const [step, four, six] of course) {
    await step();
    expect([world.defaults("s"), led()]).toEqual([
      [four, six],
      [four, six],
    ]);
  }
});
