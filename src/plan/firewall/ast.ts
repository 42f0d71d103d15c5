import type { Family } from "../../base/ip.ts";

/**
 * A firewall table as a tree of plain values, in nft's own words. `kernel/firewall` compiles it, `format.ts` prints it.
 * Nodes are immutable and carry a literal `kind`, so that a kind nobody compiles does not build.
 */

/** Types of the fields of a key, by nft's names; the element's values for them are given in `FirewallElement`. */
export type FieldType = "ifname" | "nf_proto" | "ipv4_addr" | "ipv6_addr" | "inet_proto" | "inet_service";

/** What a rule can look at. */
export type Selector =
  /** `iif` is an interface number, 0 where the packet came in by none; names are `iifname` and `oifname`. */
  | { readonly kind: "meta"; readonly key: "iif" | "iifname" | "oifname" | "nfproto" | "l4proto" }
  | { readonly kind: "ct"; readonly key: "state" | "status" }
  /** `th` is the transport header whatever its protocol: ports of TCP, UDP and SCTP sit at the same place. */
  | {
      readonly kind: "payload";
      readonly header: "ip" | "ip6" | "th" | "tcp" | "udp";
      readonly field: "saddr" | "daddr" | "sport" | "dport";
    }
  /** Type of an address (`local`, `unicast` …) by the routing table of this namespace. */
  | { readonly kind: "fib"; readonly address: "saddr" | "daddr" };

/** Right-hand side of a match: an address or prefix, a word, a number, or flags of which any may be set. */
export type Operand = string | number | readonly string[];

export type Statement =
  | { readonly kind: "match"; readonly left: Selector; readonly op: "==" | "!="; readonly right: Operand }
  /** True when the key is in the set. */
  | { readonly kind: "inSet"; readonly key: readonly Selector[]; readonly set: string }
  /** Goes where the map says; a key that is not there goes on with the next rule. */
  | { readonly kind: "vmap"; readonly key: readonly Selector[]; readonly map: string }
  /** Changes the destination to what the map says: an address, and with `port` the port that follows it there. */
  | {
      readonly kind: "dnatMap";
      readonly family: Family;
      readonly key: readonly Selector[];
      readonly map: string;
      readonly port: boolean;
    }
  /** Changes the source to the address the map says; a key that is not there goes on with the next rule. */
  | {
      readonly kind: "snatMap";
      readonly family: Family;
      readonly key: readonly Selector[];
      readonly map: string;
    }
  /** Overwrites a port in the packet itself, without connection tracking. */
  | {
      readonly kind: "setPort";
      readonly header: "tcp" | "udp";
      readonly field: "sport" | "dport";
      readonly port: number;
    }
  | { readonly kind: "masquerade" }
  | { readonly kind: "accept" }
  | { readonly kind: "drop" }
  | { readonly kind: "return" }
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "goto"; readonly chain: string };

export interface Rule {
  readonly statements: readonly Statement[];
  /** Shown by `nft list ruleset`; at most 128 bytes, as nft itself allows. */
  readonly comment?: string | undefined;
}

export interface Hook {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  /** Lower runs first; PRIORITY has the names. */
  readonly priority: number;
}

export interface Chain {
  readonly name: string;
  /** A base chain, called by the kernel; its policy is always accept. Absent: called by others. */
  readonly hook?: Hook | undefined;
  /** Belongs to the user: made when absent, its rules never touched. Its name begins with USER_PREFIX. */
  readonly user?: boolean | undefined;
  readonly rules: readonly Rule[];
}

/** A set, or with `data` a map. */
export interface MapDeclaration {
  readonly name: string;
  readonly key: readonly FieldType[];
  readonly data?: readonly FieldType[] | "verdict" | undefined;
  /** Keys may be ranges. Costs the kernel a copy of the whole set at each change. */
  readonly interval?: boolean | undefined;
  readonly comment?: string | undefined;
}

export interface Table {
  readonly family: "inet" | "ip" | "ip6" | "bridge";
  readonly name: string;
  readonly comment?: string | undefined;
  readonly maps: readonly MapDeclaration[];
  readonly chains: readonly Chain[];
}

/** Chains and sets of our table whose names begin so are the user's: netdock never changes or removes them. */
export const USER_PREFIX = "user-";

/** Numbers of nft's priority names for inet tables (linux/netfilter_ipv4.h, NF_IP_PRI_*). */
export const PRIORITY = { raw: -300, dstnat: -100, filter: 0, srcnat: 100 } as const;

export const meta = (key: (Selector & { kind: "meta" })["key"]): Selector => ({ kind: "meta", key });
export const ct = (key: (Selector & { kind: "ct" })["key"]): Selector => ({ kind: "ct", key });
export const fibType = (address: "saddr" | "daddr"): Selector => ({ kind: "fib", address });

/** `payload("ip daddr")`, spelled as nft spells it. */
export function payload(text: `${PayloadOf["header"]} ${PayloadOf["field"]}`): Selector {
  const [header, field] = text.split(" ") as [PayloadOf["header"], PayloadOf["field"]];
  return { kind: "payload", header, field };
}
type PayloadOf = Selector & { kind: "payload" };

export const is = (left: Selector, right: Operand): Statement => ({ kind: "match", left, op: "==", right });
export const isNot = (left: Selector, right: Operand): Statement => ({
  kind: "match",
  left,
  op: "!=",
  right,
});
export const inSet = (key: readonly Selector[], set: string): Statement => ({ kind: "inSet", key, set });
export const vmap = (key: readonly Selector[], map: string): Statement => ({ kind: "vmap", key, map });
export const jump = (chain: string): Statement => ({ kind: "jump", chain });
export const goto = (chain: string): Statement => ({ kind: "goto", chain });
export const ACCEPT: Statement = { kind: "accept" };
export const DROP: Statement = { kind: "drop" };
export const RETURN: Statement = { kind: "return" };
export const MASQUERADE: Statement = { kind: "masquerade" };

/** A rule; `comment` is for people who read the ruleset. */
export function rule(statements: readonly Statement[], comment?: string): Rule {
  return comment === undefined ? { statements } : { statements, comment };
}
