import type { Brand } from "./brand.ts";
import { NetError, showValue } from "./errors.ts";
import { bitsOf, familyOf, ipFromBigint, ipToBigint, tryParseIp, type Family, type Ip } from "./ip.ts";

/** An address with its prefix length, host bits kept: what an interface holds (`10.0.0.2/24`). */
export type Cidr = Brand<string, "Cidr">;

/** A network: an address with its prefix length and all host bits zero (`10.0.0.0/24`). Every Subnet is a Cidr. */
export type Subnet = Cidr & Brand<string, "Subnet">;

export interface CidrParts {
  readonly address: Ip;
  readonly length: number;
  readonly family: Family;
}

export function tryParseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const address = tryParseIp(match[1] as string);
  const digits = match[2] as string;
  if (address === undefined || (digits.length > 1 && digits.startsWith("0"))) return undefined;
  if (Number(digits) > bitsOf(familyOf(address))) return undefined;
  return `${address}/${digits}` as Cidr;
}

export function parseCidr(text: string, field: string = "address", op: string = "parse"): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr !== undefined) return cidr;
  const right = "write address and prefix length like 10.0.0.0/24 or fd00::/64";
  throw new NetError("invalid", op, {
    message: `${field}: ${showValue(text)} is not in CIDR form: ${right}`,
    field,
    value: showValue(text),
    remedy: right,
  });
}

/** A subnet as users write it; host bits are refused with the form that would be right, as Docker does. */
export function parseSubnet(text: string, field: string = "subnet", op: string = "parse"): Subnet {
  const cidr = parseCidr(text, field, op);
  const subnet = subnetOf(cidr);
  if (subnet === cidr) return subnet;
  throw new NetError("invalid", op, {
    message: `${field}: ${showValue(text)} has host bits set: it should be ${subnet}`,
    field,
    value: showValue(text),
    remedy: `it should be ${subnet}`,
  });
}

export function cidrParts(cidr: Cidr): CidrParts {
  const slash = cidr.lastIndexOf("/");
  const address = cidr.slice(0, slash) as Ip;
  return { address, length: Number(cidr.slice(slash + 1)), family: familyOf(address) };
}

export function addressOf(cidr: Cidr): Ip {
  return cidr.slice(0, cidr.lastIndexOf("/")) as Ip;
}

export function prefixLength(cidr: Cidr): number {
  return Number(cidr.slice(cidr.lastIndexOf("/") + 1));
}

export function makeCidr(address: Ip, length: number): Cidr {
  return `${address}/${length}` as Cidr;
}

function hostMask(family: Family, length: number): bigint {
  return (1n << BigInt(bitsOf(family) - length)) - 1n;
}

export function subnetOf(cidr: Cidr): Subnet {
  const { address, length, family } = cidrParts(cidr);
  const first = ipToBigint(address) & ~hostMask(family, length);
  return `${ipFromBigint(first, family)}/${length}` as Subnet;
}

/** First and last address as numbers, both inclusive. */
export function rangeOf(cidr: Cidr): { first: bigint; last: bigint; family: Family } {
  const { address, length, family } = cidrParts(cidr);
  const mask = hostMask(family, length);
  const value = ipToBigint(address);
  return { first: value & ~mask, last: value | mask, family };
}

export function contains(subnet: Cidr, inner: Ip | Cidr): boolean {
  const outer = rangeOf(subnet);
  const within = inner.includes("/") ? rangeOf(inner as Cidr) : undefined;
  if (within !== undefined) {
    return within.family === outer.family && within.first >= outer.first && within.last <= outer.last;
  }
  if (familyOf(inner) !== outer.family) return false;
  const value = ipToBigint(inner as Ip);
  return value >= outer.first && value <= outer.last;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  const x = rangeOf(a);
  const y = rangeOf(b);
  return x.family === y.family && x.first <= y.last && y.first <= x.last;
}

/** IPv4 broadcast address, absent on /31 and /32 (RFC 3021) and on IPv6. */
export function broadcastOf(cidr: Cidr): Ip | undefined {
  const { length, family } = cidrParts(cidr);
  if (family === 6 || length >= 31) return undefined;
  return ipFromBigint(rangeOf(cidr).last, 4);
}
