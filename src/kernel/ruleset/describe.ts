import { ipFromBytes } from "../../base/ip.ts";
import {
  CT_STATE,
  type Expression,
  IPS,
  NFT_CMP,
  NFT_CT,
  NFT_FIB_RESULT,
  NFT_LOOKUP_F_INV,
  NFT_META,
  NFT_PAYLOAD,
  NFT_RANGE,
  NFTA_FIB_F,
  type Verdict,
} from "../../wire/nftables/index.ts";
import { offsetOf } from "./registers.ts";
import { decodeExtension, stateMatch } from "./xt.ts";

/** How the bytes of a loaded value are written. */
type Kind = "name" | "number" | "host" | "ip" | "ip6" | "states" | "status" | "bytes";

interface Loaded {
  readonly text: string;
  readonly kind: Kind;
  readonly mask?: Uint8Array | undefined;
}

const OPS: Readonly<Record<number, string>> = {
  [NFT_CMP.EQ]: "",
  [NFT_CMP.NEQ]: "!= ",
  [NFT_CMP.LT]: "< ",
  [NFT_CMP.LTE]: "<= ",
  [NFT_CMP.GT]: "> ",
  [NFT_CMP.GTE]: ">= ",
};

const META: Readonly<Record<number, readonly [string, Kind]>> = {
  [NFT_META.IIFNAME]: ["iifname", "name"],
  [NFT_META.OIFNAME]: ["oifname", "name"],
  [NFT_META.IIF]: ["iif", "host"],
  [NFT_META.OIF]: ["oif", "host"],
  [NFT_META.MARK]: ["meta mark", "host"],
  [NFT_META.L4PROTO]: ["meta l4proto", "number"],
  [NFT_META.NFPROTO]: ["meta nfproto", "number"],
  [NFT_META.PROTOCOL]: ["meta protocol", "number"],
};

const NETWORK: Readonly<Record<string, readonly [string, Kind]>> = {
  "9/1": ["ip protocol", "number"],
  "12/4": ["ip saddr", "ip"],
  "16/4": ["ip daddr", "ip"],
  "6/1": ["ip6 nexthdr", "number"],
  "8/16": ["ip6 saddr", "ip6"],
  "24/16": ["ip6 daddr", "ip6"],
};
const TRANSPORT: Readonly<Record<string, readonly [string, Kind]>> = {
  "0/2": ["th sport", "number"],
  "2/2": ["th dport", "number"],
};

/**
 * A rule in words close to nft's, for a person to find it by; counters are left out. What is not understood is named as
 * unknown.
 */
export function describeRule(expressions: readonly Expression[]): string {
  const registers = new Map<number, Loaded>();
  const words = expressions.flatMap((expression) => describe(expression, registers));
  return words.join(" ");
}

/** One expression by itself, where it stands for what is not understood in a rule. */
export function describeExpression(expression: Expression): string {
  return describe(expression, new Map()).join(" ") || expression.kind;
}

function describe(expression: Expression, registers: Map<number, Loaded>): string[] {
  const loaded = (register = 0): Loaded =>
    registers.get(register) ?? { text: `register ${register}`, kind: "bytes" };
  switch (expression.kind) {
    case "meta":
    case "ct":
    case "payload":
    case "fib": {
      const what = loadedBy(expression);
      const { dreg } = expression.data ?? {};
      if (dreg === undefined) return [`${what.text} set`];
      registers.set(dreg, what);
      return [];
    }
    case "bitwise": {
      const { sreg, dreg = 0, mask } = expression.data ?? {};
      const value = mask !== undefined && "value" in mask ? mask.value : undefined;
      registers.set(dreg, { ...loaded(sreg), mask: value });
      return [];
    }
    case "cmp": {
      const { sreg, op = NFT_CMP.EQ, data } = expression.data ?? {};
      if (data === undefined || !("value" in data)) return ["unknown (cmp)"];
      return [compared(loaded(sreg), op, data.value)];
    }
    case "range": {
      const { sreg, op, from, to } = expression.data ?? {};
      if (from === undefined || to === undefined || !("value" in from) || !("value" in to)) {
        return ["unknown (range)"];
      }
      const what = loaded(sreg);
      const not = op === NFT_RANGE.NEQ ? "!= " : "";
      return [`${what.text} ${not}${written(what.kind, from.value)}-${written(what.kind, to.value)}`];
    }
    case "lookup": {
      const { sreg, dreg, set = "", flags = 0 } = expression.data ?? {};
      const not = (flags & NFT_LOOKUP_F_INV) === 0 ? "" : "!= ";
      // A key of several fields lies in registers side by side, from this one on.
      const key = [...registers]
        .toSorted(([a], [b]) => offsetOf(a) - offsetOf(b))
        .map(([, { text }]) => text);
      const what = key.length === 0 ? loaded(sreg).text : key.join(" . ");
      registers.clear();
      return [`${what} ${dreg === undefined ? "" : "map "}${not}@${set}`];
    }
    case "immediate": {
      const { data } = expression.data ?? {};
      return data !== undefined && "verdict" in data ? [verdictText(data.verdict)] : [];
    }
    case "reject":
      return ["reject"];
    case "masq":
      return ["masquerade"];
    case "redir":
      return ["redirect"];
    case "nat":
      return ["nat"];
    case "limit":
      return ["limit"];
    case "log":
    case "notrack":
      return [expression.kind];
    case "unknown":
      return [foreign(expression)];
    // Counters say nothing about what a rule does; byte orders are a detail of how it is done.
    default:
      return [];
  }
}

function loadedBy(expression: Extract<Expression, { kind: "meta" | "ct" | "payload" | "fib" }>): Loaded {
  switch (expression.kind) {
    case "meta": {
      const key = expression.data?.key ?? -1;
      const [text, kind] = META[key] ?? [`meta ${key}`, "bytes"];
      return { text, kind };
    }
    case "ct": {
      const key = expression.data?.key;
      if (key === NFT_CT.STATE) return { text: "ct state", kind: "states" };
      if (key === NFT_CT.STATUS) return { text: "ct status", kind: "status" };
      return { text: `ct ${key}`, kind: "bytes" };
    }
    case "payload": {
      const { base, offset = 0, len = 0 } = expression.data ?? {};
      const at = `${offset}/${len}`;
      const table =
        base === NFT_PAYLOAD.NETWORK_HEADER
          ? NETWORK
          : base === NFT_PAYLOAD.TRANSPORT_HEADER
            ? TRANSPORT
            : {};
      const [text, kind] = table[at] ??
        prefixOf(base, offset, len) ?? [`@${base},${offset * 8},${len * 8}`, "bytes"];
      return { text, kind };
    }
    default: {
      const { result, flags = 0 } = expression.data ?? {};
      const address = (flags & NFTA_FIB_F.DADDR) === 0 ? "saddr" : "daddr";
      return { text: `fib ${address} ${result === NFT_FIB_RESULT.ADDRTYPE ? "type" : "oif"}`, kind: "host" };
    }
  }
}

/** A prefix of whole bytes is compared without a mask: the first bytes of an address. */
function prefixOf(
  base: number | undefined,
  offset: number,
  len: number,
): readonly [string, Kind] | undefined {
  if (base !== NFT_PAYLOAD.NETWORK_HEADER) return undefined;
  const found = Object.entries(NETWORK).find(([at, [, kind]]) => {
    const [start, size] = at.split("/").map(Number) as [number, number];
    return kind in ADDRESS_SIZES && start === offset && len < size;
  });
  return found?.[1];
}

const ADDRESS_SIZES = { ip: 4, ip6: 16 } as const;

function compared({ text, kind, mask }: Loaded, op: number, value: Uint8Array): string {
  const isFlags = kind === "states" || kind === "status";
  // Flags of which any may be set: the value with all others masked away is not zero.
  if (isFlags && mask !== undefined && value.every((byte) => byte === 0)) {
    return `${text} ${op === NFT_CMP.NEQ ? "" : "!= "}${written(kind, mask)}`;
  }
  const length = kind === "ip" || kind === "ip6" ? prefixLength(kind, value, mask) : undefined;
  const right = `${written(kind, value)}${length === undefined ? "" : `/${length}`}`;
  return `${text} ${OPS[op] ?? "? "}${right}`;
}

/** Undefined for a whole address. */
function prefixLength(
  kind: keyof typeof ADDRESS_SIZES,
  value: Uint8Array,
  mask: Uint8Array | undefined,
): number | undefined {
  if (mask !== undefined) return [...mask].reduce((sum, byte) => sum + bitsIn(byte), 0);
  return value.length < ADDRESS_SIZES[kind] ? value.length * 8 : undefined;
}

function bitsIn(byte: number): number {
  return byte.toString(2).replaceAll("0", "").length;
}

function written(kind: Kind, value: Uint8Array): string {
  switch (kind) {
    case "name":
      return nameText(value);
    case "number":
      return String(value.reduce((sum, byte) => sum * 256 + byte, 0));
    case "host":
      return String(value.reduceRight((sum, byte) => sum * 256 + byte, 0));
    case "ip":
    case "ip6": {
      const whole = new Uint8Array(ADDRESS_SIZES[kind]);
      whole.set(value);
      return ipFromBytes(whole);
    }
    case "states":
      return flagText(value, CT_STATE);
    case "status":
      return flagText(value, { dnat: IPS.DST_NAT, snat: IPS.SRC_NAT });
    default:
      return `0x${value.toHex()}`;
  }
}

/** Fewer bytes than a name has, or no NUL at their end: every name that begins so. */
function nameText(value: Uint8Array): string {
  const end = value.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
  return `"${text}${end < 0 ? "*" : ""}"`;
}

function flagText(value: Uint8Array, names: Readonly<Record<string, number>>): string {
  const bits = value.reduceRight((sum, byte) => sum * 256 + byte, 0);
  const set = Object.entries(names).filter(([, bit]) => (bits & bit) !== 0);
  return set.map(([name]) => name.toLowerCase()).join(",") || `0x${bits.toString(16)}`;
}

function verdictText(verdict: Verdict): string {
  if (verdict.kind === "unknown") return `unknown (verdict ${verdict.code})`;
  return "chain" in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

function foreign(expression: Extract<Expression, { kind: "unknown" }>): string {
  const { name, bytes } = expression;
  if (name !== "match" && name !== "target") return `unknown (${name})`;
  const extension = decodeExtension(bytes);
  if (name === "target") return extension.name;
  if (extension.name === "comment") return "";
  const match = stateMatch(extension);
  if (match === undefined) return `unknown (match ${extension.name})`;
  const { states, translated, inverted } = match;
  const words = [
    ...(states === 0 ? [] : [flagText(Uint8Array.of(states), CT_STATE)]),
    ...(translated ? ["dnat"] : []),
  ];
  return `ct state ${inverted ? "!= " : ""}${words.join(",")}`;
}
