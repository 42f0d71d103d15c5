/** The DNS on the wire: messages, records, names and EDNS, both ways. Pure; knows no socket. */
export * from "./constants.ts";
export { plainEdns, type Edns } from "./edns.ts";
export { frameHeader, FrameReader } from "./frame.ts";
export { decodeMessage, encodeMessage, type DnsMessage } from "./message.ts";
export { parseDnsName } from "./name.ts";
export { readQuery, type BadQuery, type Query } from "./query.ts";
export type { RData } from "./rdata/index.ts";
export type { ResourceRecord } from "./record.ts";
export { addressReply, emptyReply, udpLimit, type Responder } from "./reply.ts";
export { addressOfReverseName } from "./reverse.ts";
export { ageTtls, sameQuestion, scanResponse, type ResponseScan } from "./scan.ts";
