import { contains, rangeOf, type Subnet } from "../../base/cidr.ts";
import { familyOf, ipFromBigint, isUnspecified, type Family, type Ip } from "../../base/ip.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import type { PortBinding, PortMapping } from "../../model/ports.ts";
import {
  ACCEPT,
  type Chain,
  DROP,
  inSet,
  isNot,
  jump,
  type MapDeclaration,
  meta,
  payload,
  RETURN,
  rule,
  type Rule,
  type Selector,
} from "./ast.ts";

/**
 * Source allow-lists of published ports. A port with a list is an element of `guarded`, and each source that may use it one of
 * `allowed`. Only the first packet of a connection comes here (nat chains see no others), and while nobody has a list the
 * sets are empty, which costs nothing.
 */
export function allowSets(family: Family, address: "ipv4_addr" | "ipv6_addr"): MapDeclaration[] {
  const port = [address, "inet_proto", "inet_service"] as const;
  return [
    { name: `guarded${family}`, key: port, interval: true, comment: "published ports with an allow-list" },
    { name: `allowed${family}`, key: [...port, address], interval: true, comment: "port . source" },
    {
      name: `open${family}-from`,
      key: [...port, address],
      interval: true,
      comment: "open to these sources only",
    },
  ];
}

/** Before addresses are translated. What came in by no link is the host's own, and may always. */
export function allowRule(family: Family, port: readonly Selector[]): Rule {
  return rule([isNot(meta("iif"), 0), inSet(port, `guarded${family}`), jump(`allowed${family}`)]);
}

function portFromSource(family: Family): Selector[] {
  const header = family === 4 ? "ip" : "ip6";
  return [payload(`${header} daddr`), meta("l4proto"), payload("th dport"), payload(`${header} saddr`)];
}

/** Ports with an allow-list that are published at the sandbox's own address. */
export function openFromRule(family: Family): Rule {
  return rule([inSet(portFromSource(family), `open${family}-from`), ACCEPT]);
}

export function allowChain(family: Family): Chain {
  const key = portFromSource(family);
  return {
    name: `allowed${family}`,
    rules: [rule([inSet(key, `allowed${family}`), RETURN]), rule([DROP], "not on the port's allow-list")],
  };
}

/** The elements of a binding's allow-list; none without one. A range of ports is one element, too. */
export function allowElements(
  binding: Pick<PortBinding, "protocol" | "hostIp" | "hostPort" | "count" | "from">,
): FirewallElement[] {
  const { protocol, hostIp, hostPort, count, from } = binding;
  if (from === undefined) return [];
  const family = familyOf(hostIp);
  const bits = family === 4 ? 32n : 128n;
  const everywhere = isUnspecified(hostIp);
  const key = [hostIp, protocol, hostPort];
  const last = everywhere ? ipFromBigint((1n << bits) - 1n, family) : hostIp;
  const keyEnd = [last, protocol, hostPort + count - 1];
  const sources = from.map(rangeOf).filter((range) => range.family === family);
  return [
    { map: `guarded${family}`, key, keyEnd },
    ...sources.map((range) => ({
      map: `allowed${family}`,
      key: [...key, ipFromBigint(range.first, family)],
      keyEnd: [...keyEnd, ipFromBigint(range.last, family)],
    })),
  ];
}

/**
 * The elements of ports with an allow-list that are open at a sandbox's own address. Where two lists are about the same port,
 * either lets in.
 */
export function openFromElements(
  address: Ip,
  ports: readonly Pick<PortMapping, "protocol" | "containerPort" | "count" | "from">[],
): FirewallElement[] {
  const family = familyOf(address);
  return [...Map.groupBy(ports, (port) => port.protocol)].flatMap(([protocol, list]) => {
    // Stretches within which all ports are on the same lists: an interval set takes no overlaps.
    const cuts = new Set(list.flatMap((p) => [p.containerPort, p.containerPort + p.count]));
    const starts = [...cuts].toSorted((a, b) => a - b);
    return starts.slice(0, -1).flatMap((first, i) => {
      const last = (starts[i + 1] as number) - 1;
      const there = list.filter((p) => p.containerPort <= first && last < p.containerPort + p.count);
      return widest(there.flatMap(({ from = [] }) => from))
        .map(rangeOf)
        .filter((range) => range.family === family)
        .map((range) => ({
          map: `open${family}-from`,
          key: [address, protocol, first, ipFromBigint(range.first, family)],
          keyEnd: [address, protocol, last, ipFromBigint(range.last, family)],
        }));
    });
  });
}

/** Without what lies in another: an interval set takes no overlaps. Prefixes overlap only by containing each other. */
export function widest(subnets: readonly Subnet[]): Subnet[] {
  return subnets.filter(
    (one, i) => !subnets.some((other, k) => k !== i && contains(other, one) && (other !== one || k < i)),
  );
}
