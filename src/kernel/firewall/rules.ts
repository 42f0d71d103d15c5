import { cidrParts, type Cidr } from "../../base/cidr.ts";
import { NetError } from "../../base/errors.ts";
import { type Ip, ipBytes } from "../../base/ip.ts";
import { unreachable } from "../../base/unreachable.ts";
import type { Operand, Rule, Selector, Statement, Table } from "../../plan/firewall/index.ts";
import {
  compare,
  CT_STATE,
  type Expression,
  type Field,
  immediate,
  IPS,
  loadAddressType,
  loadCt,
  loadMeta,
  loadPayload,
  lookupMap,
  lookupSet,
  mask,
  masquerade,
  nat,
  NFPROTO,
  NFT_CT,
  NFT_META,
  NFT_NAT,
  NFT_REG,
  storePayload,
  verdictExpr,
} from "../../wire/nftables/index.ts";

/** RTN_LOCAL of linux/rtnetlink.h: what `fib … type local` compares with. */
const ADDRESS_TYPES: Readonly<Record<string, number>> = { unicast: 1, local: 2, broadcast: 3 };
const L3: Readonly<Record<string, number>> = { ipv4: NFPROTO.IPV4, ipv6: NFPROTO.IPV6 };
const L4: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, "ipv6-icmp": 58, sctp: 132 };
const STATES: Readonly<Record<string, number>> = {
  established: CT_STATE.ESTABLISHED,
  related: CT_STATE.RELATED,
  new: CT_STATE.NEW,
  invalid: CT_STATE.INVALID,
};
const STATUSES: Readonly<Record<string, number>> = { snat: IPS.SRC_NAT, dnat: IPS.DST_NAT };

const META = {
  iif: NFT_META.IIF,
  iifname: NFT_META.IIFNAME,
  oifname: NFT_META.OIFNAME,
  nfproto: NFT_META.NFPROTO,
  l4proto: NFT_META.L4PROTO,
} as const;

/** Where fields are: RFC 791 section 3.1, RFC 8200 section 3; ports come first in TCP, UDP and SCTP. */
const OFFSETS = {
  ip: { saddr: 12, daddr: 16, len: 4 },
  ip6: { saddr: 8, daddr: 24, len: 16 },
  transport: { sport: 0, dport: 2, len: 2 },
} as const;
/** Checksum in the header: RFC 9293 section 3.1, RFC 768. */
const CHECKSUM_OFFSET = { tcp: 16, udp: 6 } as const;

type Payload = Selector & { kind: "payload" };

function fieldOf({ header, field }: Payload): Field {
  if (header === "ip" || header === "ip6") {
    const { [field as "saddr"]: offset, len } = OFFSETS[header];
    return { base: "network", offset, len };
  }
  const { [field as "sport"]: offset, len } = OFFSETS.transport;
  return { base: "transport", offset, len };
}

/** Bytes a selector takes in a register. */
function sizeOf(selector: Selector): number {
  if (selector.kind === "payload") return fieldOf(selector).len;
  if (selector.kind === "meta") {
    if (selector.key === "iifname" || selector.key === "oifname") return 16;
    return selector.key === "iif" ? 4 : 1;
  }
  return 4;
}

/** Number of the register that starts `offset` bytes after the first: those of 16 bytes where one does, as nft. */
function register(offset: number): number {
  return offset % 16 === 0 ? NFT_REG.R1 + offset / 16 : NFT_REG.R32_00 + offset / 4;
}

const host32 = (value: number): Uint8Array => {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
};
const net16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

/** A word or number that the table above does not know is a fault of the ruleset, not of a user. */
function look(table: Readonly<Record<string, number>>, word: string | number): number {
  const found = typeof word === "number" ? word : table[word];
  if (found !== undefined) return found;
  throw new NetError("internal", "firewall.compile", { message: `no number for ${word} in a firewall rule` });
}

/**
 * Turns rules into expressions, as nft does from the same words. A header's fields can only be read once the packet is
 * known to have that header, so the check comes before the first use in each rule; without it nft could not print the rule.
 */
export function compileRule(rule: Rule, family: Table["family"]): Expression[] {
  const out: Expression[] = [];
  const known = new Set<string>();
  const need = (key: "nfproto" | "l4proto", word: string): void => {
    if (known.has(`${key} ${word}`)) return;
    known.add(`${key} ${word}`);
    const number = look(key === "nfproto" ? L3 : L4, word);
    out.push(loadMeta(META[key], NFT_REG.R1), compare(NFT_REG.R1, "==", Uint8Array.of(number)));
  };
  const require = (selector: Selector): void => {
    if (selector.kind !== "payload") return;
    if (selector.header === "tcp" || selector.header === "udp") need("l4proto", selector.header);
    else if (selector.header !== "th" && family === "inet")
      need("nfproto", selector.header === "ip" ? "ipv4" : "ipv6");
  };
  const key = (selectors: readonly Selector[]): void => {
    selectors.forEach(require);
    let offset = 0;
    for (const selector of selectors) {
      out.push(load(selector, register(offset)));
      offset += (sizeOf(selector) + 3) & ~3;
    }
  };
  for (const statement of rule.statements) {
    if (statement.kind === "match") {
      const { left, op, right } = statement;
      if (left.kind === "meta" && (left.key === "nfproto" || left.key === "l4proto") && op === "==") {
        need(left.key, String(right));
        continue;
      }
      require(left);
      out.push(...compileMatch(left, op, right));
    } else if ("key" in statement) {
      key(statement.key);
      out.push(...compileLookup(statement));
    } else {
      if (statement.kind === "setPort") require({ ...statement, kind: "payload" });
      out.push(...compileAction(statement));
    }
  }
  return out;
}

function load(selector: Selector, dreg: number): Expression {
  switch (selector.kind) {
    case "meta":
      return loadMeta(META[selector.key], dreg);
    case "ct":
      return loadCt(selector.key === "state" ? NFT_CT.STATE : NFT_CT.STATUS, dreg);
    case "payload":
      return loadPayload(fieldOf(selector), dreg);
    case "fib":
      return loadAddressType(selector.address, dreg);
    default:
      return unreachable(selector);
  }
}

function compileMatch(left: Selector, op: "==" | "!=", right: Operand): Expression[] {
  const reg = NFT_REG.R1;
  if (typeof right === "object") {
    // Flags: true when any of them is set.
    const words = left.kind === "ct" && left.key === "status" ? STATUSES : STATES;
    const bits = right.reduce((sum, word) => sum | look(words, word), 0);
    const none = compare(reg, op === "==" ? "!=" : "==", host32(0));
    return [load(left, reg), mask(reg, reg, host32(bits)), none];
  }
  if (left.kind === "payload" && (left.header === "ip" || left.header === "ip6")) {
    return compileAddress(fieldOf(left), op, String(right));
  }
  const bytes =
    left.kind === "payload"
      ? net16(look({}, right))
      : host32(look(left.kind === "fib" ? ADDRESS_TYPES : {}, right));
  return [load(left, reg), compare(reg, op, bytes)];
}

/** An address or a prefix. A prefix of whole bytes needs no mask: fewer bytes are loaded. */
function compileAddress(field: Field, op: "==" | "!=", text: string): Expression[] {
  const reg = NFT_REG.R1;
  const slash = text.includes("/");
  const { address, length } = slash
    ? cidrParts(text as Cidr)
    : { address: text as Ip, length: field.len * 8 };
  const bytes = ipBytes(address);
  if (length % 8 === 0) {
    const len = length / 8;
    return [loadPayload({ ...field, len }, reg), compare(reg, op, bytes.slice(0, len))];
  }
  const bits = bytes.map((_, i) => 0xff & ~(0xff >> Math.max(0, Math.min(8, length - i * 8))));
  return [loadPayload(field, reg), mask(reg, reg, bits), compare(reg, op, bytes)];
}

/** The key is in the registers from the first on. */
function compileLookup(statement: Extract<Statement, { key: unknown }>): Expression[] {
  switch (statement.kind) {
    case "inSet":
      return [lookupSet(statement.set, NFT_REG.R1, false)];
    case "vmap":
      return [lookupMap(statement.map, NFT_REG.R1, NFT_REG.VERDICT)];
    case "dnatMap": {
      const { map, family, port } = statement;
      const nfproto = family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6;
      const to = { type: NFT_NAT.DNAT, family: nfproto, address: NFT_REG.R1 };
      // The map's data is the address and, after it, the port.
      const translated = port ? { ...to, port: register(family === 4 ? 4 : 16) } : to;
      return [lookupMap(map, NFT_REG.R1, NFT_REG.R1), nat(translated)];
    }
    case "snatMap": {
      const { map, family } = statement;
      const nfproto = family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6;
      const to = nat({ type: NFT_NAT.SNAT, family: nfproto, address: NFT_REG.R1 });
      return [lookupMap(map, NFT_REG.R1, NFT_REG.R1), to];
    }
    default:
      return unreachable(statement);
  }
}

function compileAction(statement: Exclude<Statement, { kind: "match" } | { key: unknown }>): Expression[] {
  switch (statement.kind) {
    case "setPort": {
      const field = fieldOf({ ...statement, kind: "payload" });
      const reg = NFT_REG.R1;
      return [
        immediate(reg, net16(statement.port)),
        storePayload(field, reg, CHECKSUM_OFFSET[statement.header]),
      ];
    }
    case "masquerade":
      return [masquerade];
    case "accept":
    case "drop":
    case "return":
      return [verdictExpr({ kind: statement.kind })];
    case "jump":
    case "goto":
      return [verdictExpr({ kind: statement.kind, chain: statement.chain })];
    default:
      return unreachable(statement);
  }
}
