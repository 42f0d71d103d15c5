import { addressOf, cidrParts, rangeOf } from "../base/cidr.ts";
import {
  familyOf,
  ipFromBigint,
  type Family,
  type Ip,
  isLoopback,
  isUnspecified,
  parseIp,
} from "../base/ip.ts";
import type { ObservedNetns } from "../model/host.ts";
import type { Network } from "../model/network.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { ProbePacket } from "../model/probe.ts";
import { isOurs } from "../plan/sight.ts";
import type { Core } from "./core.ts";

/** A packet that should pass, and who would miss it. */
export interface Flow {
  readonly packet: ProbePacket;
  /** `network red: traffic that leaves by eth0` */
  readonly text: string;
  readonly bridge: string;
  readonly direction: "from" | "to";
}

/** Somebody far away, for packets that are never sent (RFC 5737, RFC 3849). */
const STRANGERS: Readonly<Record<Family, Ip>> = { 4: parseIp("203.0.113.9"), 6: parseIp("2001:db8::9") };
const ANY_PORT = 443;

interface Bridge {
  readonly network: Network;
  readonly name: string;
  /** One a family: the bridge's own address, and one that a member has or could have. */
  readonly sides: readonly { readonly family: Family; readonly own: Ip; readonly member: Ip }[];
}

/** What should pass the host's filters: networks to the outside, the outside to published ports, the host to its networks. */
export function flowsOf(core: Core, host: ObservedNetns, options: { readonly bridged: boolean }): Flow[] {
  const bridges = bridgesOf(core);
  const uplinks = uplinksOf(host, new Set(bridges.map((bridge) => bridge.name)));
  const routed = [
    ...bridges.flatMap((bridge) => (bridge.network.internal ? [] : outward(bridge, uplinks))),
    ...published(core, bridges, uplinks),
  ];
  return [
    ...routed,
    ...routed.map(answerTo),
    ...bridges.flatMap((bridge) => [...(options.bridged ? within(bridge) : []), ...fromHost(bridge)]),
  ];
}

/** What comes back on the same way. */
function answerTo({ packet, text, bridge, direction }: Flow): Flow {
  const { iif, oif, source, destination, protocol, port } = packet;
  const way = { way: "forward", iif: oif, oif: iif, source: destination, destination: source } as const;
  return {
    packet: { ...way, protocol, port, answer: true },
    text: `${text}, the answers`,
    bridge,
    direction: direction === "from" ? "to" : "from",
  };
}

function bridgesOf(core: Core): Bridge[] {
  return [...core.state.networks.values()].flatMap((network) => {
    const plan = core
      .driverOf(network)
      .network(network)
      .links.find(({ netns, link }) => netns === HOST_NETNS && link.kind.type === "bridge");
    if (plan === undefined) return [];
    const members = core.state.endpointsOn(network.id);
    const sides = plan.addresses.map((address) => {
      const { family, address: own } = cidrParts(address);
      const member = members.map((e) => (family === 4 ? e.ipv4 : e.ipv6)).find((a) => a !== undefined);
      return { family, own, member: member === undefined ? otherThan(address) : addressOf(member) };
    });
    return [{ network, name: plan.link.name, sides }];
  });
}

/** The last address of the subnet that is not the bridge's own; a broadcast address does as well here. */
function otherThan(address: Parameters<typeof rangeOf>[0]): Ip {
  const { last, family } = rangeOf(address);
  const found = ipFromBigint(last, family);
  return found === addressOf(address) ? ipFromBigint(last - 1n, family) : found;
}

interface Uplink {
  readonly name: string;
  readonly families: readonly Family[];
  readonly addresses: readonly Ip[];
}

/** Links of others by which the host's default routes lead; without such routes, all that have addresses. */
export function uplinksOf(host: ObservedNetns, bridges: ReadonlySet<string>): Uplink[] {
  const others = host.links.filter(
    (link) => link.up && !isOurs(link) && !bridges.has(link.name) && link.name !== "lo",
  );
  const leads = (name: string, family: Family): boolean =>
    host.routes.some((r) => r.link === name && r.destination === (family === 4 ? "0.0.0.0/0" : "::/0"));
  const addressed = (link: (typeof others)[number], family: Family): boolean =>
    link.addresses.some((a) => cidrParts(a).family === family);
  const families = [4, 6] as const;
  const routed = families.filter((family) => others.some(({ name }) => leads(name, family)));
  return others.flatMap((link) => {
    const own = families.filter((family) =>
      routed.includes(family) ? leads(link.name, family) : addressed(link, family),
    );
    return own.length === 0
      ? []
      : [{ name: link.name, families: own, addresses: link.addresses.map(addressOf) }];
  });
}

function outward(bridge: Bridge, uplinks: readonly Uplink[]): Flow[] {
  return bridge.sides.flatMap(({ family, member }) =>
    uplinks
      .filter((uplink) => uplink.families.includes(family))
      .map(({ name }) => ({
        text: `network ${bridge.network.name}: IPv${family} that leaves by ${name}`,
        bridge: bridge.name,
        direction: "from" as const,
        packet: {
          way: "forward" as const,
          iif: bridge.name,
          oif: name,
          source: member,
          destination: STRANGERS[family],
          protocol: "tcp" as const,
          port: ANY_PORT,
        },
      })),
  );
}

/** With br_netfilter, frames from member to member pass the host's filters too. */
function within(bridge: Bridge): Flow[] {
  return bridge.sides.map(({ family, own, member }) => ({
    text: `network ${bridge.network.name}: IPv${family} among its members`,
    bridge: bridge.name,
    direction: "from",
    packet: {
      way: "forward",
      iif: bridge.name,
      oif: bridge.name,
      source: own,
      destination: member,
      protocol: "tcp",
      port: ANY_PORT,
    },
  }));
}

function fromHost(bridge: Bridge): Flow[] {
  return bridge.sides.map(({ family, own, member }) => ({
    text: `network ${bridge.network.name}: IPv${family} from the host`,
    bridge: bridge.name,
    direction: "to",
    packet: {
      way: "output",
      oif: bridge.name,
      source: own,
      destination: member,
      protocol: "tcp",
      port: ANY_PORT,
    },
  }));
}

function published(core: Core, bridges: readonly Bridge[], uplinks: readonly Uplink[]): Flow[] {
  return [...core.state.sandboxes.values()].flatMap((sandbox) =>
    sandbox.bindings.flatMap(({ protocol, hostIp, hostPort, containerPort, endpointId }) => {
      const endpoint = core.state.endpoints.get(endpointId);
      const bridge = bridges.find(({ network }) => network.id === endpoint?.networkId);
      const family = familyOf(hostIp);
      const address = family === 4 ? endpoint?.ipv4 : endpoint?.ipv6;
      if (bridge === undefined || address === undefined || isLoopback(hostIp)) return [];
      return uplinks
        .filter((uplink) => uplink.families.includes(family))
        .flatMap(({ name, addresses }): Flow[] => {
          const ip = isUnspecified(hostIp) ? addresses.find((a) => familyOf(a) === family) : hostIp;
          if (ip === undefined) return [];
          return [
            {
              text: `sandbox ${sandbox.name}: port ${hostPort}/${protocol} (IPv${family}) from ${name}`,
              bridge: bridge.name,
              direction: "to",
              packet: {
                way: "forward",
                iif: name,
                oif: bridge.name,
                source: STRANGERS[family],
                destination: addressOf(address),
                protocol,
                port: containerPort,
                published: { ip, port: hostPort },
              },
            },
          ];
        });
    }),
  );
}
