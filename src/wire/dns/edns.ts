import type { Reader, Writer } from "../../base/cursor.ts";
import { TYPE } from "./constants.ts";
import { formatHex } from "./text.ts";

/**
 * EDNS (RFC 6891): what the OPT pseudo-record says about its sender. It belongs to the hop, not to the data, which is why
 * a message has it as a field of its own and not among its records. The upper bits of the response code also travel in it
 * and are put together with the header's by the message codec.
 */
export interface Edns {
  /** Largest UDP message the sender takes. Values below 512 mean 512 (section 6.2.3). */
  readonly udpSize: number;
  readonly version: number;
  /** DO: the sender wants DNSSEC records (RFC 3225). */
  readonly dnssecOk: boolean;
  /** The 15 flag bits that have no meaning yet. */
  readonly z: number;
  readonly options: readonly EdnsOption[];
}

export interface EdnsOption {
  readonly code: number;
  readonly bytes: Uint8Array;
}

const DO = 0x8000;

/** EDNS as most senders write it: version 0, no options, no DNSSEC. */
export function plainEdns(udpSize: number): Edns {
  return { udpSize, version: 0, dnssecOk: false, z: 0, options: [] };
}

/**
 * Reads from the data length on; class and TTL of the record hold the fixed fields (section 6.1.3). Gives the upper eight
 * bits of the response code beside.
 */
export function readEdns(
  r: Reader,
  header: { class: number; ttlSeconds: number },
): { edns: Edns; rcodeHigh: number } {
  const ttl = header.ttlSeconds;
  const flags = ttl & 0xffff;
  const size = r.be16();
  const end = r.offset + size;
  const options: EdnsOption[] = [];
  if (size > r.remaining) r.fail(`OPT data needs ${size} bytes, ${r.remaining} are left`);
  while (r.error === undefined && r.offset < end) {
    options.push({ code: r.be16(), bytes: r.take(r.be16()) });
  }
  if (r.offset !== end) r.fail(`an OPT option goes past the record's end`);
  return {
    edns: {
      udpSize: header.class,
      version: (ttl >>> 16) & 0xff,
      dnssecOk: (flags & DO) !== 0,
      z: flags & ~DO,
      options,
    },
    rcodeHigh: ttl >>> 24,
  };
}

export function writeEdns(w: Writer, edns: Edns, rcodeHigh: number): void {
  w.u8(0).be16(TYPE.OPT).be16(edns.udpSize);
  w.u8(rcodeHigh)
    .u8(edns.version)
    .be16((edns.dnssecOk ? DO : 0) | edns.z);
  const lengthAt = w.length;
  w.be16(0);
  for (const option of edns.options) w.be16(option.code).be16(option.bytes.length).put(option.bytes);
  w.patchBe16(lengthAt, w.length - lengthAt - 2);
}

/** `EDNS version 0, flags do, udp 1232`, options as `code:hex`. */
export function formatEdns(edns: Edns): string {
  const flags = [edns.dnssecOk ? "do" : "", edns.z === 0 ? "" : `0x${edns.z.toString(16)}`].filter(
    (f) => f !== "",
  );
  const options = edns.options.map((option) => `${option.code}:${formatHex(option.bytes)}`);
  const shown = flags.length === 0 ? "" : `, flags ${flags.join(" ")}`;
  const tail = options.length === 0 ? "" : `, options ${options.join(" ")}`;
  return `EDNS version ${edns.version}${shown}, udp ${edns.udpSize}${tail}`;
}
