import type { Family } from "../../base/ip.ts";
import { allowChain, allowRule, allowSets, openFromRule } from "./allow.ts";
import {
  ACCEPT,
  type Chain,
  ct,
  DROP,
  fibType,
  goto,
  inSet,
  is,
  isNot,
  jump,
  type MapDeclaration,
  MASQUERADE,
  meta,
  payload,
  PRIORITY,
  RETURN,
  rule,
  type Table,
  vmap,
} from "./ast.ts";

import { EGRESS_CHAINS, EGRESS_MAPS } from "./egress.ts";
import { PEER_CHAIN, PEER_MAPS, PEER_RULE, UNMASKED_RULE } from "./peers.ts";

const IIF = meta("iifname");
const OIF = meta("oifname");

/** The sets and maps: all that ever changes. Interfaces are our bridges, by name. */
const MAPS: readonly MapDeclaration[] = [
  { name: "bridges", key: ["ifname"], comment: "every bridge of netdock's" },
  { name: "same", key: ["ifname", "ifname"], comment: "each bridge with itself" },
  {
    name: "pairs",
    key: ["ifname", "ifname"],
    data: "verdict",
    comment: "from . to; decided before from and to",
  },
  { name: "from", key: ["ifname"], data: "verdict", comment: "traffic that leaves a bridge" },
  { name: "to", key: ["ifname", "nf_proto"], data: "verdict", comment: "traffic that enters a bridge" },
  { name: "apart", key: ["ifname", "nf_proto"], data: "verdict", comment: "between members without ICC" },
  { name: "trusted", key: ["ifname", "ifname"], comment: "from . to; as if from the bridge itself" },
  { name: "isolated", key: ["ifname", "nf_proto"], comment: "bridges whose members have no host" },
  ...PEER_MAPS,
  ...EGRESS_MAPS,
  { name: "masquerade4", key: ["ifname"], comment: "bridges that leave by the host's address" },
  { name: "masquerade6", key: ["ifname"] },
  { name: "snat4", key: ["ifname"], data: ["ipv4_addr"], comment: "bridges that leave by this address" },
  { name: "snat6", key: ["ifname"], data: ["ipv6_addr"] },
  ...openSets(4, "ipv4_addr"),
  ...openSets(6, "ipv6_addr"),
  ...publishMaps(4, "ipv4_addr"),
  ...publishMaps(6, "ipv6_addr"),
  ...allowSets(4, "ipv4_addr"),
  ...allowSets(6, "ipv6_addr"),
];

/** Ports that are published without translation: whoever may send to the bridge reaches them at their own address. */
function openSets(family: Family, address: "ipv4_addr" | "ipv6_addr"): MapDeclaration[] {
  const key = [address, "inet_proto", "inet_service"] as const;
  return [
    { name: `open${family}`, key, comment: "published at the sandbox's own address" },
    { name: `open${family}-range`, key, interval: true },
  ];
}

/**
 * Published ports of one family. A single port is an element of a hash map: constant cost, whatever is published beside it.
 * A range whose ports are the same on both sides is one interval element, which keeps the port as it is; an interval map
 * is copied by the kernel at each change, so only ranges are put there.
 */
function publishMaps(family: Family, address: "ipv4_addr" | "ipv6_addr"): MapDeclaration[] {
  const any = ["inet_proto", "inet_service"] as const;
  const one = [address, ...any] as const;
  return [
    { name: `publish${family}`, key: one, data: [address, "inet_service"], comment: "on one host address" },
    { name: `publish${family}-range`, key: one, data: [address], interval: true },
    {
      name: `publish${family}-any`,
      key: any,
      data: [address, "inet_service"],
      comment: "on every host address",
    },
    { name: `publish${family}-any-range`, key: any, data: [address], interval: true },
  ];
}

/**
 * IPv6 has no route_localnet: an answer that is translated back to ::1 is dropped, as it comes in by a bridge (ip6_rcv_core).
 * So connections to ::1 stay on the host, where only a process can serve them.
 */
const NOT_LOOPBACK6 = rule([is(payload("ip6 daddr"), "::1"), RETURN]);

function openRules(family: Family): Chain["rules"] {
  const key = [payload(family === 4 ? "ip daddr" : "ip6 daddr"), meta("l4proto"), payload("th dport")];
  return [rule([inSet(key, `open${family}`), ACCEPT]), rule([inSet(key, `open${family}-range`), ACCEPT])];
}

/** Published ports of one family: the more specific binding wins. */
function publishChain(family: Family): Chain {
  const any = [meta("l4proto"), payload("th dport")];
  const one = [payload(family === 4 ? "ip daddr" : "ip6 daddr"), ...any];
  const dnat = (key: typeof any, map: string): Chain["rules"] => [
    rule([{ kind: "dnatMap", family, key, map, port: true }]),
    rule([{ kind: "dnatMap", family, key, map: `${map}-range`, port: false }]),
  ];
  return {
    name: `publish${family}`,
    rules: [
      ...(family === 6 ? [NOT_LOOPBACK6] : []),
      // Only what is addressed to this host: traffic that passes through to others is not ours to turn around.
      rule([isNot(fibType("daddr"), "local"), RETURN]),
      allowRule(family, one),
      ...dnat(one, `publish${family}`),
      ...dnat(any, `publish${family}-any`),
    ],
  };
}

const BY_FAMILY = [
  rule([is(meta("nfproto"), "ipv4"), goto("publish4")]),
  rule([is(meta("nfproto"), "ipv6"), goto("publish6")]),
];

const CHAINS: readonly Chain[] = [
  { name: "user-forward", user: true, rules: [] },
  {
    name: "published-only",
    rules: [
      rule([is(ct("state"), ["established", "related"]), ACCEPT]),
      rule([is(ct("status"), ["dnat"]), ACCEPT], "came by a published port"),
      rule([inSet([IIF, OIF], "trusted"), goto("open-ports")]),
      PEER_RULE,
      rule([DROP]),
    ],
  },
  PEER_CHAIN,
  ...EGRESS_CHAINS,
  {
    name: "open-ports",
    rules: [
      rule([is(ct("state"), ["established", "related"]), ACCEPT]),
      rule([is(ct("status"), ["dnat"]), ACCEPT], "came by a published port"),
      ...openRules(4),
      ...openRules(6),
      openFromRule(4),
      openFromRule(6),
      PEER_RULE,
      rule([DROP]),
    ],
  },
  {
    name: "routed",
    rules: [
      // Without path MTU discovery (RFC 1191, RFC 8201) and echo a routed network could not be debugged.
      rule([is(meta("l4proto"), "icmp"), ACCEPT]),
      rule([is(meta("l4proto"), "ipv6-icmp"), ACCEPT]),
      rule([goto("open-ports")]),
    ],
  },
  {
    // Bridges have route_localnet on, without which the host could not publish on 127.0.0.1; so the kernel no longer
    // drops packets for loopback that come in by them.
    name: "guard",
    hook: { type: "filter", hook: "prerouting", priority: PRIORITY.raw },
    rules: [rule([is(payload("ip daddr"), "127.0.0.0/8"), inSet([IIF], "bridges"), DROP])],
  },
  {
    // No verdict for traffic that touches no bridge of ours. With br_netfilter, frames within one bridge come here too.
    name: "forward",
    hook: { type: "filter", hook: "forward", priority: PRIORITY.filter },
    rules: [
      rule([jump("user-forward")]),
      rule([vmap([IIF, OIF], "pairs")]),
      rule([vmap([IIF], "from")]),
      rule([vmap([OIF, meta("nfproto")], "to")]),
    ],
  },
  // Not by `pairs` itself, which knows no families.
  { name: "apart", rules: [rule([vmap([OIF, meta("nfproto")], "apart")]), rule([DROP])] },
  {
    // A member of an isolated bridge could give itself a route to any address of the host, and ARP would answer.
    name: "input",
    hook: { type: "filter", hook: "input", priority: PRIORITY.filter },
    rules: [rule([inSet([IIF, meta("nfproto")], "isolated"), DROP])],
  },
  allowChain(4),
  allowChain(6),
  publishChain(4),
  publishChain(6),
  {
    name: "prerouting",
    hook: { type: "nat", hook: "prerouting", priority: PRIORITY.dstnat },
    rules: [
      // Nobody but the host itself talks to its loopback, and the host's own traffic is turned around in `output`. A
      // packet from the wire with such an address would otherwise reach what is published on 127.0.0.1 only.
      rule([is(payload("ip daddr"), "127.0.0.0/8"), RETURN]),
      ...BY_FAMILY,
    ],
  },
  { name: "output", hook: { type: "nat", hook: "output", priority: PRIORITY.dstnat }, rules: BY_FAMILY },
  {
    name: "hairpin",
    rules: [rule([is(ct("status"), ["dnat"]), MASQUERADE], "back into its own bridge by a published port")],
  },
  {
    name: "into-bridge",
    rules: [
      rule([is(payload("ip saddr"), "127.0.0.0/8"), MASQUERADE], "host to a port published on loopback"),
      // br_netfilter bridges a packet that a published port turned back into its own bridge, and names no incoming
      // interface then (br_nf_post_routing); the host's own packets have none either, but have a local address.
      rule(
        [is(meta("iif"), 0), is(ct("status"), ["dnat"]), isNot(fibType("saddr"), "local"), MASQUERADE],
        "hairpin through br_netfilter",
      ),
    ],
  },
  {
    name: "postrouting",
    hook: { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat },
    rules: [
      rule([inSet([IIF, OIF], "same"), goto("hairpin")]),
      UNMASKED_RULE,
      rule([is(meta("nfproto"), "ipv4"), { kind: "snatMap", family: 4, key: [IIF], map: "snat4" }]),
      rule([is(meta("nfproto"), "ipv6"), { kind: "snatMap", family: 6, key: [IIF], map: "snat6" }]),
      rule([is(meta("nfproto"), "ipv4"), inSet([IIF], "masquerade4"), MASQUERADE]),
      rule([is(meta("nfproto"), "ipv6"), inSet([IIF], "masquerade6"), MASQUERADE]),
      rule([inSet([OIF], "bridges"), goto("into-bridge")]),
    ],
  },
];

/** The host's table. Its rules are the same whatever networks and ports there are: those are elements of its maps. */
export const TABLE: Table = {
  family: "inet",
  name: "netdock",
  comment: "netdock",
  maps: MAPS,
  chains: CHAINS,
};
