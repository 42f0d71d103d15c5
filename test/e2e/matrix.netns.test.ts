import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import { HOST, MatrixWorld } from "./matrix-world.ts";
import { type Asker, type Cell, cells, SPECS, WAYS } from "./matrix.ts";

const OPTION = "com.docker.network.bridge";
const PUBLISHED = 80;
const UNPUBLISHED = 81;

/** Each of the matrix's networks has a server that publishes a port, and a mate of its; one network is beside them. */
async function populate({ engine }: MatrixWorld): Promise<void> {
  for (const [i, { mode4, mode6, internal, icc }] of SPECS.entries()) {
    await engine.createNetwork({
      name: `net${i}`,
      internal,
      enableIPv6: true,
      ipam: { config: [{ subnet: `10.${100 + i}.0.0/24` }, { subnet: `fd00:${100 + i}::/64` }] },
      options: {
        [`${OPTION}.gateway_mode_ipv4`]: mode4,
        [`${OPTION}.gateway_mode_ipv6`]: mode6,
        [`${OPTION}.enable_icc`]: String(icc),
      },
    });
    await engine.createSandbox({
      name: `server${i}`,
      networks: [{ network: `net${i}` }],
      publish: [`${8000 + i}:80`, `${8000 + i}:80/udp`],
    });
    await engine.createSandbox({ name: `mate${i}`, networks: [{ network: `net${i}` }] });
  }
  await engine.createNetwork({ name: "beside", enableIPv6: true });
  await engine.createSandbox({ name: "stranger", networks: [{ network: "beside" }] });
}

const ASKER: Readonly<Record<Asker, (i: number) => string>> = {
  "same bridge": (i) => `mate${i}`,
  "other bridge": () => "stranger",
  host: () => "host",
  outside: () => "outside",
};

/** What a cell's probe finds, and what it should find, as words. */
function run(
  world: MatrixWorld,
  cell: Cell,
  protocol: "tcp" | "udp",
): { readonly found: string; readonly wanted: string } {
  const { spec, family, asker, way, isOpen, mode } = cell;
  const i = SPECS.indexOf(spec);
  const own = world.address(`server${i}`, family);
  const port = way === 2 ? UNPUBLISHED : PUBLISHED;
  const to = way === 0 ? { ip: HOST[family] as Ip, port: 8000 + i } : { ip: own, port };
  const outcome = world.ask({
    protocol,
    from: ASKER[asker](i),
    server: `server${i}`,
    at: { ip: own, port },
    to,
    // A drop is waited for; what is let through arrives long before.
    timeoutMs: isOpen ? 5000 : 60,
  });
  const where = `IPv${family} ${mode}, ${spec.internal ? "internal" : "not internal"}, ICC ${spec.icc ? "on" : "off"}, from ${asker}, ${WAYS[way]}, ${protocol}`;
  return { found: `${where}: ${outcome.kind === "arrived"}`, wanted: `${where}: ${isOpen}` };
}

describe.each([{ brNetfilter: true }, { brNetfilter: false }])(
  "br_netfilter for all bridges: $brNetfilter",
  (options) => {
    let world: MatrixWorld;

    beforeAll(async () => {
      world = await MatrixWorld.start(options);
      await populate(world);
    });

    afterAll(async () => {
      await world[Symbol.asyncDispose]();
    });

    // The setting is about frames within a bridge only.
    const asked = cells().filter(({ asker }) => options.brNetfilter || asker === "same bridge");
    const groups = Map.groupBy(asked, ({ family, mode, asker }) => `IPv${family} ${mode} from ${asker}`);
    test.each([...groups])("%s", (_, group) => {
      const results = group.flatMap((cell) =>
        (["tcp", "udp"] as const).map((protocol) => run(world, cell, protocol)),
      );
      expect(results.map(({ found }) => found)).toEqual(results.map(({ wanted }) => wanted));
    });

    test("nothing was complained about", () => {
      expect(world.complaints).toEqual([]);
    });
  },
);
