import { familyOf } from "../../base/ip.ts";
import { unreachable } from "../../base/unreachable.ts";
import type { Blockade, FirewallElement } from "../../model/firewall.ts";
import { DROP, inSet, meta, payload, PRIORITY, rule, type Table } from "./ast.ts";

/** Bridged frames are filtered here (NF_BR_PRI_FILTER_BRIDGED in linux/netfilter_bridge.h). */
const BRIDGED = -200;

const IIF = meta("iifname");
const OIF = meta("oifname");

/**
 * Frames between ports of bridges, whatever is in them: ARP, IPv4, IPv6. A port that is shut keeps its carrier, so that to
 * both ends it looks as if the frames were lost on the way.
 */
const FRAMES: Table = {
  family: "bridge",
  name: "netdock-partition",
  comment: "netdock: links that are cut, and groups that cannot reach each other",
  maps: [
    { name: "in", key: ["ifname"], comment: "ports that nothing comes in by" },
    { name: "out", key: ["ifname"], comment: "ports that nothing goes out by" },
    { name: "between", key: ["ifname", "ifname"], comment: "from . to" },
  ],
  chains: [
    // Before the bridge looks at a frame: it is neither forwarded nor given to the host.
    {
      name: "prerouting",
      hook: { type: "filter", hook: "prerouting", priority: BRIDGED },
      rules: [rule([inSet([IIF], "in"), DROP])],
    },
    {
      name: "forward",
      hook: { type: "filter", hook: "forward", priority: BRIDGED },
      rules: [rule([inSet([IIF, OIF], "between"), DROP])],
    },
    // Behind both ways out, the forwarded frames and the host's own.
    {
      name: "postrouting",
      hook: { type: "filter", hook: "postrouting", priority: BRIDGED },
      rules: [rule([inSet([OIF], "out"), DROP])],
    },
  ],
};

/**
 * Packets that the host routes from one sandbox to another, as those to a published port are. What a connection is called
 * before its addresses are translated does not matter: in `forward` both ends have their own.
 */
const ROUTED: Table = {
  family: "inet",
  name: "netdock-partition",
  comment: "netdock: groups that cannot reach each other by way of the host",
  maps: [
    { name: "routed4", key: ["ipv4_addr", "ipv4_addr"], comment: "from . to" },
    { name: "routed6", key: ["ipv6_addr", "ipv6_addr"] },
  ],
  chains: [
    {
      name: "forward",
      hook: { type: "filter", hook: "forward", priority: PRIORITY.filter },
      rules: [
        rule([inSet([payload("ip saddr"), payload("ip daddr")], "routed4"), DROP]),
        rule([inSet([payload("ip6 saddr"), payload("ip6 daddr")], "routed6"), DROP]),
      ],
    },
  ],
};

/** The host's tables for cut links and partitions. They are there only while something is cut. */
export const PARTITION_TABLES: readonly Table[] = [FRAMES, ROUTED];

/** A blockade as an element of one of the tables. */
export function blockadeElement(blockade: Blockade): FirewallElement {
  switch (blockade.kind) {
    case "in":
    case "out":
      return { map: blockade.kind, key: [blockade.port] };
    case "between":
      return { map: "between", key: [blockade.from, blockade.to] };
    case "routed":
      return { map: `routed${familyOf(blockade.from)}`, key: [blockade.from, blockade.to] };
    default:
      return unreachable(blockade);
  }
}
