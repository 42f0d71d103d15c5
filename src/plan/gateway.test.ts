import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCidr } from "../base/cidr.ts";
import { parseIp } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import { chooseGateway, compareGateways, type GatewayCandidate } from "./gateway.ts";

interface Shape {
  readonly name: string;
  readonly priority?: number;
  readonly internal?: boolean;
  readonly v4?: boolean;
  readonly v6?: boolean;
}

/** A bridge network with gateways in its families, unless it is internal. */
function candidate({ name, priority = 0, internal = false, v4 = true, v6 = false }: Shape): GatewayCandidate {
  const endpoint: Endpoint = {
    id: `${name}-endpoint` as EndpointId,
    networkId: name as NetworkId,
    sandboxId: "s" as SandboxId,
    aliases: ["s"],
    gwPriority: priority,
    options: {},
    interfaceName: `if-${name}`,
    ...(v4 ? { ipv4: parseCidr("10.0.0.2/24") } : {}),
    ...(v4 && !internal ? { gateway4: parseIp("10.0.0.1") } : {}),
    ...(v6 ? { ipv6: parseCidr("fd00::2/64") } : {}),
    ...(v6 && !internal ? { gateway6: parseIp("fd00::1") } : {}),
  };
  const network: Network = {
    id: name as NetworkId,
    name,
    driver: "bridge",
    scope: "local",
    created: "2026-01-01T00:00:00.000Z",
    internal,
    enableIPv4: v4,
    enableIPv6: v6,
    ipam: { driver: "default", options: {}, pools: [] },
    options: {},
    labels: {},
    predefined: false,
  };
  return { endpoint, network };
}

function chosen(shapes: readonly Shape[]): [string | undefined, string | undefined] {
  const candidates = shapes.map(candidate);
  return [chooseGateway(candidates, 4)?.network.name, chooseGateway(candidates, 6)?.network.name];
}

describe("chooseGateway()", () => {
  test.each<[string, readonly Shape[], readonly [string | undefined, string | undefined]]>([
    ["nobody", [], [undefined, undefined]],
    ["the only one", [{ name: "a" }], ["a", undefined]],
    ["nobody on internal networks", [{ name: "a", internal: true }], [undefined, undefined]],
    ["the first name among equals", [{ name: "b" }, { name: "a" }, { name: "c" }], ["a", undefined]],
    ["a higher priority, whatever the name", [{ name: "a" }, { name: "b", priority: 1 }], ["b", undefined]],
    ["zero before a negative priority", [{ name: "a", priority: -1 }, { name: "b" }], ["b", undefined]],
    [
      "a way out before a high priority without one",
      [{ name: "a" }, { name: "b", priority: 9, internal: true }],
      ["a", undefined],
    ],
    ["dual stack before one family", [{ name: "a" }, { name: "b", v6: true }], ["b", "b"]],
    [
      "each family on its own",
      [
        { name: "four", priority: 2 },
        { name: "six", v4: false, v6: true },
      ],
      ["four", "six"],
    ],
    [
      "a priority that has only one family leaves the other",
      [
        { name: "dual", v6: true },
        { name: "four", priority: 1 },
      ],
      ["four", "dual"],
    ],
  ])("takes %s", (_, shapes, expected) => {
    expect(chosen(shapes)).toEqual(expected);
  });

  // The course of Docker's TestConnectWithPriority: after each step the default route is where the documentation says.
  test("follows connects and disconnects as Docker's does", () => {
    const on: Shape[] = [];
    const course: [() => void, string][] = [
      [() => on.push({ name: "n1", priority: 0 }), "n1"],
      [() => on.push({ name: "n2", priority: 100 }), "n2"],
      [() => on.push({ name: "n3", priority: -100 }), "n2"],
      [() => on.push({ name: "a-later-one", priority: 100 }), "a-later-one"],
      [
        () =>
          on.splice(
            on.findIndex((s) => s.name === "a-later-one"),
            1,
          ),
        "n2",
      ],
      [
        () =>
          on.splice(
            on.findIndex((s) => s.name === "n2"),
            1,
          ),
        "n1",
      ],
      [
        () =>
          on.splice(
            on.findIndex((s) => s.name === "n1"),
            1,
          ),
        "n3",
      ],
    ];
    for (const [change, gateway] of course) {
      change();
      expect(chosen(on)[0]).toBe(gateway);
    }
  });
});

const shape = fc.record({
  name: fc.constantFrom("a", "b", "c", "d", "e"),
  priority: fc.integer({ min: -1, max: 1 }),
  internal: fc.boolean(),
  v4: fc.boolean(),
  v6: fc.boolean(),
});
const shapes = fc.uniqueArray(shape, { maxLength: 5, selector: (s) => s.name });

describe("compareGateways()", () => {
  test("is an order: the choice does not depend on who came first", () => {
    fc.assert(
      fc.property(shapes, fc.func(fc.nat()), (list, key) => {
        const shuffled = list.toSorted((x, y) => key(x.name) - key(y.name));
        expect(chosen(shuffled)).toEqual(chosen(list));
        const sorted = list.map(candidate).toSorted(compareGateways);
        for (const [i, a] of sorted.entries()) {
          for (const b of sorted.slice(i + 1)) expect(compareGateways(a, b)).toBeLessThan(0);
        }
      }),
    );
  });
});
