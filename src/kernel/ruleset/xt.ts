import { Writer } from "../../base/cursor.ts";
import { eachAttr, NLA_TYPE_MASK, putAttr } from "../../wire/netlink/attrs.ts";
import { readText } from "../../wire/netlink/types.ts";
import type { Expression } from "../../wire/nftables/index.ts";

// Extensions of xtables, as iptables-nft puts them into rules (linux/netfilter/nf_tables_compat.h). Their data is a struct of
// each extension's own; of those only what every firewall uses is read here.

/** NFTA_MATCH_* and NFTA_TARGET_* have the same numbers. */
const NFTA_XT = { NAME: 1, REV: 2, INFO: 3 } as const;

export interface Extension {
  readonly name: string;
  readonly revision: number;
  readonly info: Uint8Array;
}

/** An expression of kind `match` or `target`. */
export function decodeExtension(bytes: Uint8Array | undefined): Extension {
  let name = "";
  let revision = 0;
  let info = new Uint8Array(0);
  if (bytes !== undefined) {
    eachAttr(bytes, 0, bytes.length, (type, from, to) => {
      const number = type & NLA_TYPE_MASK;
      if (number === NFTA_XT.NAME) name = readText(bytes, from, to);
      else if (number === NFTA_XT.REV)
        revision = new DataView(bytes.buffer, bytes.byteOffset).getUint32(from);
      else if (number === NFTA_XT.INFO) info = bytes.slice(from, to);
    });
  }
  return { name, revision, info };
}

/** struct xt_conntrack_mtinfo2 and 3 (linux/netfilter/xt_conntrack.h): eight addresses, then limits, ports and flags. */
const CONNTRACK = { MATCH_FLAGS: 146, INVERT_FLAGS: 148, STATE_MASK: 150, SIZE: 154 } as const;
const XT_CONNTRACK_STATE = 1;
/** Bits of XT_CONNTRACK_STATE_BIT(), which nf_tables numbers alike but for those of address translation. */
const XT_STATES = { invalid: 1, established: 2, related: 4, new: 8 } as const;
const XT_STATE_DNAT = 128;

/** What `-m conntrack --ctstate` asks of a packet. */
export interface StateMatch {
  /** As CT_STATE. */
  readonly states: number;
  /** A packet whose destination is translated matches too, whatever its state. */
  readonly translated: boolean;
  /** It matches where it otherwise would not. */
  readonly inverted: boolean;
}

/** Undefined when the match is another or asks for anything else too. */
export function stateMatch(extension: Extension): StateMatch | undefined {
  const { name, revision, info } = extension;
  if (name !== "conntrack" || revision < 2 || info.length < CONNTRACK.SIZE) return undefined;
  const view = new DataView(info.buffer, info.byteOffset);
  if (view.getUint16(CONNTRACK.MATCH_FLAGS, true) !== XT_CONNTRACK_STATE) return undefined;
  const mask = view.getUint16(CONNTRACK.STATE_MASK, true);
  const known = Object.values(XT_STATES).reduce((sum, bit) => sum | bit, 0);
  // SNAT and UNTRACKED have bits of their own.
  if ((mask & ~(known | XT_STATE_DNAT)) !== 0) return undefined;
  const inverted = (view.getUint16(CONNTRACK.INVERT_FLAGS, true) & XT_CONNTRACK_STATE) !== 0;
  return { states: mask & known, translated: (mask & XT_STATE_DNAT) !== 0, inverted };
}

/** struct xt_conntrack_mtinfo3, as xt_check_match wants it: a multiple of eight bytes. */
const CONNTRACK_3 = { REV: 3, SIZE: 168 } as const;

/** `-m conntrack --ctstate RELATED,ESTABLISHED,DNAT`, as iptables writes it. */
export function underWayOrTranslated(): Expression {
  const info = new Uint8Array(CONNTRACK_3.SIZE);
  const view = new DataView(info.buffer);
  view.setUint16(CONNTRACK.MATCH_FLAGS, XT_CONNTRACK_STATE, true);
  view.setUint16(CONNTRACK.STATE_MASK, XT_STATES.related | XT_STATES.established | XT_STATE_DNAT, true);
  const w = new Writer(256);
  putAttr(w, NFTA_XT.NAME, () => w.put(new TextEncoder().encode("conntrack\0")));
  putAttr(w, NFTA_XT.REV, () => w.be32(CONNTRACK_3.REV));
  putAttr(w, NFTA_XT.INFO, () => w.put(info));
  return { kind: "unknown", name: "match", bytes: w.bytes() };
}

/** Targets that end in a drop, and those that let the packet go on to the next rule. */
export const XT_DROPS: ReadonlySet<string> = new Set(["REJECT", "TARPIT"]);
export const XT_GOES_ON: ReadonlySet<string> = new Set([
  "LOG",
  "NFLOG",
  "CT",
  "NOTRACK",
  "TCPMSS",
  "CHECKSUM",
  "CLASSIFY",
  "DSCP",
  "TOS",
  "TRACE",
]);
/** Those that change a mark, which later rules may ask for; nothing here knows marks. */
export const XT_MARKS: ReadonlySet<string> = new Set(["MARK", "CONNMARK"]);
