import { TABLE } from "../plan/firewall/index.ts";
import { eachAttr, NLA_TYPE_MASK } from "../wire/netlink/attrs.ts";
import type { Message } from "../wire/netlink/message.ts";
import { readText } from "../wire/netlink/types.ts";
import { NFPROTO } from "../wire/nftables/index.ts";

/** Size of struct nfgenmsg (linux/netfilter/nfnetlink.h): family, version, resource. */
const NFGENMSG_SIZE = 4;
/** In every message about an object this is the table's name: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE … */
const TABLE_NAME_ATTR = 1;

/** Whether a notification is about the table `inet netdock`. Those that end a transaction are about none. */
export function mentionsOurTable(message: Message): boolean {
  const { body } = message;
  if (body[0] !== NFPROTO.INET) return false;
  let found = false;
  eachAttr(body, NFGENMSG_SIZE, body.length, (type, from, to) => {
    if ((type & NLA_TYPE_MASK) === TABLE_NAME_ATTR && readText(body, from, to) === TABLE.name) found = true;
  });
  return found;
}
