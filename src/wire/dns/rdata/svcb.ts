import { ipFromBytes } from "../../../base/ip.ts";
import { TYPE } from "../constants.ts";
import { readName, writeName, type DnsName } from "../name.ts";
import { formatName, formatString } from "../text.ts";
import type { RDataCodec } from "./codec.ts";

/** RFC 9460 section 2.2. */
export interface SvcbData<Kind extends "SVCB" | "HTTPS"> {
  readonly kind: Kind;
  /** 0 makes the record an alias for `target`; otherwise lower is tried first. */
  readonly priority: number;
  /** The root stands for the owner's own name (for an alias: not available). */
  readonly target: DnsName;
  /** In rising order of key, each key once. Values stay bytes: keys are added by registry, not by us. */
  readonly params: readonly SvcParam[];
}

export interface SvcParam {
  readonly key: number;
  readonly value: Uint8Array;
}

/** RFC 9460 section 14.3.2. */
const keyNames: readonly string[] = [
  "mandatory",
  "alpn",
  "no-default-alpn",
  "port",
  "ipv4hint",
  "ech",
  "ipv6hint",
  "dohpath",
];
const ALPN = 1;
const PORT = 3;
const IPV4_HINT = 4;
const IPV6_HINT = 6;

function formatParam({ key, value }: SvcParam): string {
  const name = keyNames[key] ?? `key${key}`;
  if (value.length === 0) return name;
  if (key === ALPN) return `${name}=${formatString(joinStrings(value))}`;
  if (key === PORT && value.length === 2)
    return `${name}=${new DataView(value.buffer, value.byteOffset).getUint16(0)}`;
  const size = key === IPV4_HINT ? 4 : key === IPV6_HINT ? 16 : 0;
  if (size === 0 || value.length % size !== 0) return `${name}=${formatString(value)}`;
  const addresses: string[] = [];
  for (let at = 0; at < value.length; at += size) addresses.push(ipFromBytes(value.subarray(at, at + size)));
  return `${name}=${addresses.join(",")}`;
}

/** A list of strings with a length octet each, as text with commas (RFC 9460 section 7.1.1). */
function joinStrings(value: Uint8Array): Uint8Array {
  const comma = 0x2c;
  const text: number[] = [];
  for (let at = 0; at < value.length;) {
    const length = value[at] as number;
    if (at > 0) text.push(comma);
    text.push(...value.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return Uint8Array.from(text);
}

function serviceCodec<Kind extends "SVCB" | "HTTPS">(kind: Kind): RDataCodec<SvcbData<Kind>> {
  return {
    type: TYPE[kind],
    onlyIn: true,
    read(r, size) {
      const end = r.offset + size;
      const priority = r.be16();
      const target = readName(r);
      const params: SvcParam[] = [];
      let last = -1;
      while (r.error === undefined && r.offset < end) {
        const key = r.be16();
        // RFC 9460 section 2.2: keys out of order make the whole record malformed.
        if (key <= last) r.fail(`parameter ${key} comes after parameter ${last}`);
        last = key;
        params.push({ key, value: r.take(r.be16()) });
      }
      return { kind, priority, target, params };
    },
    write(w, data) {
      w.be16(data.priority);
      // RFC 9460 section 2.2: never compressed.
      writeName(w, data.target, undefined);
      for (const { key, value } of data.params.toSorted((a, b) => a.key - b.key)) {
        w.be16(key).be16(value.length).put(value);
      }
    },
    format: (data) => [data.priority, formatName(data.target), ...data.params.map(formatParam)].join(" "),
  };
}

export const svcbCodec: RDataCodec<SvcbData<"SVCB">> = serviceCodec("SVCB");
export const httpsCodec: RDataCodec<SvcbData<"HTTPS">> = serviceCodec("HTTPS");
