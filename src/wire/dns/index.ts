/** The DNS on the wire: messages, records, names and EDNS, both ways. Pure; knows no socket. */
export * from "./constants.ts";
export { formatEdns, plainEdns, type Edns, type EdnsOption } from "./edns.ts";
export { formatMessage } from "./format.ts";
export { frameHeader, FrameReader } from "./frame.ts";
export { decodeMessage, encodeMessage, writeMessage, type DnsMessage } from "./message.ts";
export { lowerName, parseDnsName, ROOT, type DnsName } from "./name.ts";
export { readQuery, type BadQuery, type Query, type QueryEdns } from "./query.ts";
export { formatRData, rdataType, type RData, type UnknownData } from "./rdata/index.ts";
export { formatQuestion, formatRecord, type Question, type ResourceRecord } from "./record.ts";
export {
  addressReply,
  emptyReply,
  udpLimit,
  type AddressAnswer,
  type Allocate,
  type Responder,
} from "./reply.ts";
export { addressOfReverseName, reverseNameOf } from "./reverse.ts";
export { ageTtls, sameQuestion, scanResponse, type ResponseScan } from "./scan.ts";
