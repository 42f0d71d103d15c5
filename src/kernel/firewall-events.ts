import { DOCKER_USER, OWN_CHAIN, TABLE } from "../plan/firewall/index.ts";
import { eachAttr, NLA_TYPE_MASK } from "../wire/netlink/attrs.ts";
import type { Message } from "../wire/netlink/message.ts";
import { readText } from "../wire/netlink/types.ts";
import { NFPROTO, NFT_MSG, NFTA_CHAIN, NFTA_RULE } from "../wire/nftables/index.ts";

/** Size of struct nfgenmsg (linux/netfilter/nfnetlink.h): family, version, resource. */
const NFGENMSG_SIZE = 4;
/** In every message about an object this is the table's name: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE … */
const TABLE_NAME_ATTR = 1;

/** Names of chains: NFTA_RULE_CHAIN in a message about a rule, NFTA_CHAIN_NAME in one about a chain. */
const CHAIN_ATTRS: Readonly<Record<number, number>> = {
  [NFT_MSG.NEWRULE]: NFTA_RULE.CHAIN,
  [NFT_MSG.DELRULE]: NFTA_RULE.CHAIN,
  [NFT_MSG.NEWCHAIN]: NFTA_CHAIN.NAME,
  [NFT_MSG.DELCHAIN]: NFTA_CHAIN.NAME,
};

/**
 * Whether a notification is about the table `inet netdock`, or about the place that Docker leaves to others in its tables.
 * Those that end a transaction are about none.
 */
export function concernsUs(message: Message): boolean {
  const { body, type } = message;
  const family = body[0];
  if (family === NFPROTO.INET) return textOf(body, TABLE_NAME_ATTR) === TABLE.name;
  const chain = CHAIN_ATTRS[type & 0xff];
  if (chain === undefined || (family !== NFPROTO.IPV4 && family !== NFPROTO.IPV6)) return false;
  const name = textOf(body, chain);
  return (name === DOCKER_USER || name === OWN_CHAIN) && textOf(body, TABLE_NAME_ATTR) === "filter";
}

function textOf(body: Uint8Array, attr: number): string | undefined {
  let found: string | undefined;
  eachAttr(body, NFGENMSG_SIZE, body.length, (type, from, to) => {
    if ((type & NLA_TYPE_MASK) === attr) found = readText(body, from, to);
  });
  return found;
}
