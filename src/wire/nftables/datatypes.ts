import { DecodeError } from "../../base/cursor.ts";
import { invalid } from "../../base/errors.ts";
import { type Ip, ipBytes, ipFromBytes, tryParseIp } from "../../base/ip.ts";
import { macBytes, macFromBytes, tryParseMac } from "../../base/mac.ts";

/**
 * Types of keys and data as nft numbers them (its include/datatype.h, enum datatypes). The kernel only stores the number,
 * and nft shows a set by it; the bytes of a key are what the expressions that look it up load.
 */
export type FieldValue = string | number;

export type NftType =
  | "nf_proto"
  | "ipv4_addr"
  | "ipv6_addr"
  | "ether_addr"
  | "inet_proto"
  | "inet_service"
  | "mark"
  | "ifname";

interface FieldCodec {
  /** nft's number. */
  readonly type: number;
  /** Bytes, without the padding inside a concatenation. */
  readonly size: number;
  /** Order of the bytes in the register, where it is the host's; otherwise the network's. */
  readonly host?: true;
  encode(value: FieldValue): Uint8Array | undefined;
  decode(bytes: Uint8Array): FieldValue;
}

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ["icmp", 1],
  ["tcp", 6],
  ["udp", 17],
  ["dccp", 33],
  ["gre", 47],
  ["esp", 50],
  ["ah", 51],
  ["ipv6-icmp", 58],
  ["sctp", 132],
  ["udplite", 136],
];
const protocolNumbers = new Map(PROTOCOLS);
const protocolNames = new Map(PROTOCOLS.map(([name, number]) => [number, name]));

function bigEndian(value: FieldValue, size: number): Uint8Array | undefined {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size))
    return undefined;
  return Uint8Array.from({ length: size }, (_, i) => (value / 2 ** (8 * (size - 1 - i))) & 0xff);
}

const number = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

function address(size: 4 | 16): Pick<FieldCodec, "size" | "encode" | "decode"> {
  return {
    size,
    encode(value) {
      const ip = tryParseIp(String(value));
      const bytes = ip === undefined ? undefined : ipBytes(ip);
      return bytes?.length === size ? bytes : undefined;
    },
    decode: (bytes): Ip => ipFromBytes(bytes),
  };
}

/** NFPROTO_IPV4 and NFPROTO_IPV6 of linux/netfilter.h, as `meta nfproto` loads them. */
const FAMILIES: readonly (readonly [string, number])[] = [
  ["ipv4", 2],
  ["ipv6", 10],
];

/** 15 characters and a NUL (IFNAMSIZ); all 16 bytes count in a lookup. */
const ifname: FieldCodec = {
  type: 41,
  size: 16,
  host: true,
  encode(value) {
    const text = new TextEncoder().encode(String(value));
    if (text.length === 0 || text.length > 15 || text.includes(0)) return undefined;
    const out = new Uint8Array(16);
    out.set(text);
    return out;
  },
  decode(bytes) {
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  },
};

const codecs: Readonly<Record<NftType, FieldCodec>> = {
  nf_proto: {
    type: 2,
    size: 1,
    host: true,
    encode: (value: FieldValue) => bigEndian(FAMILIES.find(([name]) => name === value)?.[1] ?? value, 1),
    decode: (bytes: Uint8Array) =>
      FAMILIES.find(([, family]) => family === number(bytes))?.[0] ?? number(bytes),
  },
  ipv4_addr: { type: 7, ...address(4) },
  ipv6_addr: { type: 8, ...address(16) },
  ether_addr: {
    type: 9,
    size: 6,
    encode(value: FieldValue) {
      const mac = tryParseMac(String(value));
      return mac === undefined ? undefined : macBytes(mac);
    },
    decode: macFromBytes,
  },
  /** A name this table has, or a number. */
  inet_proto: {
    type: 12,
    size: 1,
    encode: (value: FieldValue) => bigEndian(protocolNumbers.get(String(value)) ?? value, 1),
    decode: (bytes: Uint8Array) => protocolNames.get(number(bytes)) ?? number(bytes),
  },
  inet_service: { type: 13, size: 2, encode: (value: FieldValue) => bigEndian(value, 2), decode: number },
  /** Host byte order, as the packet mark is kept. */
  mark: {
    type: 19,
    size: 4,
    host: true,
    encode: (value: FieldValue) => bigEndian(value, 4)?.toReversed(),
    decode: (bytes: Uint8Array) => number(bytes.toReversed()),
  },
  ifname,
} satisfies Record<string, FieldCodec>;

const byNumber = new Map(Object.entries(codecs).map(([name, codec]) => [codec.type, name as NftType]));

/** nft's limit: six bits a field (TYPE_BITS in its datatype.h). */
const TYPE_BITS = 6;

/** The number of a type or concatenation for NFTA_SET_KEY_TYPE and NFTA_SET_DATA_TYPE: six bits a field. */
export function packTypes(types: readonly NftType[]): number {
  return types.reduce((sum, type) => (sum << TYPE_BITS) | codecs[type].type, 0) >>> 0;
}

/** The types in a number, or undefined where one of them is not known here. */
export function unpackTypes(packed: number): NftType[] | undefined {
  const out: NftType[] = [];
  for (let rest = packed; rest > 0; rest >>>= TYPE_BITS) {
    const name = byNumber.get(rest & ((1 << TYPE_BITS) - 1));
    if (name === undefined) return undefined;
    out.unshift(name);
  }
  return out;
}

/** Bytes of a field without padding, as NFTA_SET_DESC_CONCAT wants it. */
export function typeSize(type: NftType): number {
  return codecs[type].size;
}

/** Whether a type's bytes are in host order; network order otherwise. Without a hint nft prints such keys wrongly. */
export function isHostOrder(type: NftType): boolean {
  return codecs[type].host === true;
}

/** Bytes of a field as it lies in registers, where each starts at a multiple of four. */
export function paddedSize(type: NftType): number {
  return (codecs[type].size + 3) & ~3;
}

/** Bytes of a whole key or datum. A single field has no padding. */
export function keySize(types: readonly NftType[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return codecs[only].size;
  return types.reduce((sum, type) => sum + paddedSize(type), 0);
}

/** A key or datum. Throws NetError `invalid` naming `label`, the field and its value. */
export function encodeKey(
  types: readonly NftType[],
  values: readonly FieldValue[],
  label: string,
): Uint8Array {
  if (values.length !== types.length) {
    throw invalid(label, values, `it takes ${types.length} fields: ${types.join(" . ")}`, "nftables.encode");
  }
  const out = new Uint8Array(keySize(types));
  let at = 0;
  types.forEach((type, i) => {
    const bytes = codecs[type].encode(values[i] as FieldValue);
    if (bytes === undefined)
      throw invalid(`${label} field ${i + 1}`, values[i], `it must be ${type}`, "nftables.encode");
    out.set(bytes, at);
    at += paddedSize(type);
  });
  return out;
}

/** The fields of a key or datum. Throws `DecodeError` when the size does not fit the types. */
export function decodeKey(types: readonly NftType[], bytes: Uint8Array): FieldValue[] {
  if (bytes.length !== keySize(types)) {
    throw new DecodeError(`${types.join(" . ")} takes ${keySize(types)} bytes, not ${bytes.length}`, 0);
  }
  let at = 0;
  return types.map((type) => {
    const value = codecs[type].decode(bytes.subarray(at, at + codecs[type].size));
    at += paddedSize(type);
    return value;
  });
}
