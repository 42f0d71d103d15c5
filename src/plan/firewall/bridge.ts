import { type Family, familyOf, type Ip } from "../../base/ip.ts";
import type { FirewallElement, FirewallVerdict } from "../../model/firewall.ts";
import type { PortMapping } from "../../model/ports.ts";

/** Docker's gateway modes, one a family (`com.docker.network.bridge.gateway_mode_ipv4` and `_ipv6`). */
export const GATEWAY_MODES = ["nat", "nat-unprotected", "routed", "isolated"] as const;
export type GatewayMode = (typeof GATEWAY_MODES)[number];

export interface BridgeFirewall {
  /** Link name of the bridge. */
  readonly bridge: string;
  /** No way out and no way in, whatever the other fields say. */
  readonly internal: boolean;
  /** Members may talk to each other; otherwise only to each other's published ports. */
  readonly icc: boolean;
  /** Links of the host that reach published ports at the members' own addresses, too. */
  readonly trusted: readonly string[];
  readonly mode4: GatewayMode;
  readonly mode6: GatewayMode;
  /** Members leave by the host's address, IPv4 and IPv6: by this one, or by that of the link they leave by. */
  readonly leave4: Ip | "masquerade" | undefined;
  readonly leave6: Ip | "masquerade" | undefined;
}

/** What becomes of a packet that enters a bridge from elsewhere. */
const ENTRY: Readonly<Record<GatewayMode, FirewallVerdict>> = {
  nat: "goto published-only",
  "nat-unprotected": "accept",
  routed: "goto routed",
  isolated: "drop",
};

/** A bridge network's elements: about ten, and none depends on another network. */
export function networkElements(network: BridgeFirewall): FirewallElement[] {
  const { bridge, internal, icc, mode4, mode6 } = network;
  const out: FirewallElement[] = [
    { map: "bridges", key: [bridge] },
    { map: "same", key: [bridge, bridge] },
    { map: "pairs", key: [bridge, bridge], data: icc ? "accept" : "goto apart" },
    { map: "to", key: [bridge, "ipv4"], data: internal ? "drop" : ENTRY[mode4] },
    { map: "to", key: [bridge, "ipv6"], data: internal ? "drop" : ENTRY[mode6] },
  ];
  if (!icc) {
    out.push({ map: "apart", key: [bridge, "ipv4"], data: apart(mode4, internal) });
    out.push({ map: "apart", key: [bridge, "ipv6"], data: apart(mode6, internal) });
  }
  if (mode4 === "isolated") out.push({ map: "isolated", key: [bridge, "ipv4"] });
  if (mode6 === "isolated") out.push({ map: "isolated", key: [bridge, "ipv6"] });
  if (internal) return [...out, { map: "from", key: [bridge], data: "drop" }];
  for (const link of network.trusted) out.push({ map: "trusted", key: [link, bridge] });
  out.push(...leaveElements(bridge, 4, network.leave4), ...leaveElements(bridge, 6, network.leave6));
  return out;
}

/** Members that may not talk: what is published for strangers is published for them, and nothing else is open to them. */
function apart(mode: GatewayMode, internal: boolean): FirewallVerdict {
  return mode === "routed" && !internal ? "goto routed" : "goto published-only";
}

function leaveElements(bridge: string, family: Family, leave: BridgeFirewall["leave4"]): FirewallElement[] {
  if (leave === undefined) return [];
  if (leave === "masquerade") return [{ map: `masquerade${family}`, key: [bridge] }];
  return [{ map: `snat${family}`, key: [bridge], data: [leave] }];
}

/** Ports that are published at a sandbox's own address. */
export interface OpenPorts {
  readonly address: Ip;
  readonly ports: readonly Pick<PortMapping, "protocol" | "containerPort" | "count">[];
}

/**
 * Elements that open ports without translating anything: one a port, or one a range. Ranges that touch are joined, as an
 * interval set takes no overlaps.
 */
export function openElements({ address, ports }: OpenPorts): FirewallElement[] {
  const set = `open${familyOf(address)}`;
  const byProtocol = Map.groupBy(ports, (port) => port.protocol);
  return [...byProtocol].flatMap(([protocol, list]) =>
    joinRanges(list.map((p) => [p.containerPort, p.containerPort + p.count - 1])).map(
      ([first, last]): FirewallElement =>
        first === last
          ? { map: set, key: [address, protocol, first] }
          : { map: `${set}-range`, key: [address, protocol, first], keyEnd: [address, protocol, last] },
    ),
  );
}

type PortSpan = readonly [first: number, last: number];

/** Ranges of which none lies in another or right behind it, with the same numbers. */
export function joinRanges(ranges: readonly PortSpan[]): PortSpan[] {
  const out: PortSpan[] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = out.at(-1);
    if (before === undefined || first > before[1] + 1) out.push([first, last]);
    else out[out.length - 1] = [before[0], Math.max(before[1], last)];
  }
  return out;
}
