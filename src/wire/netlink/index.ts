// `netdock/netlink`: bytes ⇄ values of Linux netlink and rtnetlink, without sockets. See README.md.

// What the codec's signatures are made of, so that it can be used without the rest of netdock.
export { DecodeError, Reader, Writer } from "../../base/cursor.ts";
export { type ErrorCode, NetError } from "../../base/errors.ts";
export { AF_INET, AF_INET6, type Ip, parseIp, tryParseIp } from "../../base/ip.ts";
export { type Mac, parseMac, tryParseMac } from "../../base/mac.ts";

// Any netlink family: attributes, messages, acks.
export * from "./types.ts";
export * from "./attrs.ts";
export * from "./message.ts";
export * from "./ack.ts";
export * from "./errno.ts";
export * from "./numbers.ts";

// NETLINK_ROUTE.
export * from "./link-numbers.ts";
export * from "./link-kind-numbers.ts";
export * from "./route-numbers.ts";
export * from "./bridge.ts";
export * from "./link-kinds.ts";
export * from "./link-attrs.ts";
export * from "./link.ts";
export * from "./address.ts";
export * from "./route.ts";
export * from "./rule.ts";
export * from "./neighbour.ts";
export * from "./nsid.ts";
export * from "./decode.ts";
