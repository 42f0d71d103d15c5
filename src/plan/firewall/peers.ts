import type { FirewallElement } from "../../model/firewall.ts";
import type { PortSpan } from "../../model/network.ts";
import {
  ACCEPT,
  type Chain,
  DROP,
  inSet,
  type MapDeclaration,
  meta,
  payload,
  RETURN,
  rule,
  type Rule,
  vmap,
} from "./ast.ts";

/**
 * Peers: networks whose members may open connections to another network's. They are looked up where such packets would be
 * dropped, behind what passes anyway: replies, and what came by a published port. So they cost established traffic nothing.
 */
export const PEER_MAPS: readonly MapDeclaration[] = [
  {
    name: "peers",
    key: ["ifname", "ifname"],
    data: "verdict",
    comment: "from . to; who may open connections",
  },
  {
    name: "peer-ports",
    key: ["ifname", "ifname", "inet_proto", "inet_service"],
    interval: true,
    comment: "where not all ports may be used",
  },
  // A lookup that only asks whether a key is there takes no map (nft_lookup_init).
  { name: "peered", key: ["ifname", "ifname"], comment: "from . to; members keep their addresses" },
];

const PAIR = [meta("iifname"), meta("oifname")];

/** Before the drop of what may not enter a bridge. */
export const PEER_RULE: Rule = rule([vmap(PAIR, "peers")]);

/** Before the masquerade: between peers everybody is seen by the own address. */
export const UNMASKED_RULE: Rule = rule([inSet(PAIR, "peered"), RETURN]);

export const PEER_CHAIN: Chain = {
  name: "peer-ports",
  rules: [rule([inSet([...PAIR, meta("l4proto"), payload("th dport")], "peer-ports"), ACCEPT]), rule([DROP])],
};

/** Elements by which members of one bridge may open connections to those of another; ports of which none touches another. */
export function peerElements(peer: {
  readonly from: string;
  readonly to: string;
  /** None: every port and protocol. */
  readonly ports: readonly PortSpan[];
}): FirewallElement[] {
  const { from, to, ports } = peer;
  return [
    { map: "peers", key: [from, to], data: ports.length === 0 ? "accept" : "goto peer-ports" },
    { map: "peered", key: [from, to] },
    ...ports.map(({ protocol, first, last }) => ({
      map: "peer-ports",
      key: [from, to, protocol, first],
      keyEnd: [from, to, protocol, last],
    })),
  ];
}
