import type { Ip } from "../base/ip.ts";
import {
  CLASS,
  encodeMessage,
  parseDnsName,
  plainEdns,
  TYPE,
  type DnsMessage,
  type Edns,
  type RData,
  type ResourceRecord,
} from "../wire/dns/index.ts";

export interface QueryOptions {
  readonly id?: number;
  readonly class?: number;
  /** A number is a UDP size. */
  readonly edns?: Edns | number;
  readonly checkingDisabled?: boolean;
}

/** A query as the C libraries send it: one question, recursion desired. */
export function queryMessage(name: string, type: number, options: QueryOptions = {}): DnsMessage {
  const { edns } = options;
  return {
    id: options.id ?? 0x4242,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    reserved: false,
    authenticData: false,
    checkingDisabled: options.checkingDisabled ?? false,
    rcode: 0,
    questions: [{ name: parseDnsName(name, "name", "test"), type, class: options.class ?? CLASS.IN }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: typeof edns === "number" ? plainEdns(edns) : edns,
  };
}

export function queryBytes(name: string, type: number = TYPE.A, options: QueryOptions = {}): Uint8Array {
  return encodeMessage(queryMessage(name, type, options));
}

export function recordOf(name: string, ttlSeconds: number, data: RData): ResourceRecord {
  return { name: parseDnsName(name, "name", "test"), class: CLASS.IN, ttlSeconds, data };
}

export function aRecord(name: string, ttlSeconds: number, address: string): ResourceRecord {
  return recordOf(name, ttlSeconds, { kind: "A", address: address as Ip });
}

export function soaRecord(zone: string, ttlSeconds: number, minimum: number): ResourceRecord {
  const server = parseDnsName(`ns.${zone}`, "name", "test");
  return recordOf(zone, ttlSeconds, {
    kind: "SOA",
    primary: server,
    mailbox: server,
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum,
  });
}
