import { AF_INET, AF_INET6 } from "../../base/ip.ts";
import { type Address, decodeAddress } from "./address.ts";
import { decodeLink, type Link } from "./link.ts";
import type { Message } from "./message.ts";
import { decodeNeighbour, type Neighbour } from "./neighbour.ts";
import { decodeRoute, type Route } from "./route.ts";
import { RTM } from "./route-numbers.ts";
import { decodeRule, type Rule } from "./rule.ts";

/**
 * One message of NETLINK_ROUTE. `gone` tells a deletion from an object that is there or new. A link of family AF_BRIDGE
 * that is gone still exists: it has ceased to be a bridge's port (br_ifinfo_notify in net/bridge/br_netlink.c).
 */
export type RouteMessage =
  | { readonly kind: "link"; readonly gone: boolean; readonly link: Link }
  | { readonly kind: "address"; readonly gone: boolean; readonly address: Address }
  | { readonly kind: "route"; readonly gone: boolean; readonly route: Route }
  | { readonly kind: "rule"; readonly gone: boolean; readonly rule: Rule }
  | { readonly kind: "neighbour"; readonly gone: boolean; readonly neighbour: Neighbour }
  /** A type this folder does not know, or a route of a family other than IPv4 and IPv6. */
  | { readonly kind: "unknown"; readonly type: number; readonly bytes: Uint8Array };

function isInternet(body: Uint8Array): boolean {
  return body[0] === AF_INET || body[0] === AF_INET6;
}

/** Reads a message of a dump or of a multicast group. Acks and ends of dumps are `unknown` here. Throws `DecodeError`. */
export function decodeRouteMessage(message: Pick<Message, "type" | "body">): RouteMessage {
  const { type, body } = message;
  switch (type) {
    case RTM.NEWLINK:
    case RTM.DELLINK:
      return { kind: "link", gone: type === RTM.DELLINK, link: decodeLink(body) };
    case RTM.NEWADDR:
    case RTM.DELADDR:
      if (!isInternet(body)) break;
      return { kind: "address", gone: type === RTM.DELADDR, address: decodeAddress(body) };
    case RTM.NEWROUTE:
    case RTM.DELROUTE:
      // Dumps of all families hold MPLS and multicast routing too, whose addresses are no IP addresses of ours.
      if (!isInternet(body)) break;
      return { kind: "route", gone: type === RTM.DELROUTE, route: decodeRoute(body) };
    case RTM.NEWRULE:
    case RTM.DELRULE:
      if (!isInternet(body)) break;
      return { kind: "rule", gone: type === RTM.DELRULE, rule: decodeRule(body) };
    case RTM.NEWNEIGH:
    case RTM.DELNEIGH:
      return { kind: "neighbour", gone: type === RTM.DELNEIGH, neighbour: decodeNeighbour(body) };
    default:
  }
  return { kind: "unknown", type, bytes: body.slice() };
}
