import { broadcastOf, cidrParts } from "../base/cidr.ts";
import { familyNumber } from "../base/ip.ts";
import type { AddressSpec, RouteSpec } from "../model/ops.ts";
import type { AddressRequest } from "../wire/netlink/address.ts";
import { IFA_F, RT_SCOPE, RT_TABLE, RTN, RTPROT } from "../wire/netlink/route-numbers.ts";
import type { RouteRequest } from "../wire/netlink/route.ts";

/** The message about one address of the link with index `index`. */
export function addressRequest(spec: AddressSpec, index: number): AddressRequest {
  const { address, length, family } = cidrParts(spec.address);
  return {
    family: familyNumber(family),
    prefixLength: length,
    index,
    local: address,
    address,
    broadcast: broadcastOf(spec.address),
    // Ours are unique because we hand them out: no duplicate address detection (RFC 4862 section 5.4), which would keep
    // an IPv6 address unusable for its first second.
    ...(family === 6 ? { flags: IFA_F.NODAD } : {}),
  };
}

/** The message about one route by the link with index `oif`. */
export function routeRequest(spec: RouteSpec, oif: number): RouteRequest {
  const { address, length, family } = cidrParts(spec.destination);
  return {
    family: familyNumber(family),
    table: RT_TABLE.MAIN,
    protocol: RTPROT.STATIC,
    type: RTN.UNICAST,
    // Without a next hop the destination is on the link itself; IPv6 knows no scopes.
    scope: spec.via === undefined && family === 4 ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE,
    destinationLength: length,
    destination: length === 0 ? undefined : address,
    gateway: spec.via,
    oif,
    preferredSource: spec.source,
    priority: spec.metric,
  };
}

/** The message that removes a route, whoever made it (as `ip route del` fills it in). */
export function deleteRouteRequest(spec: RouteSpec, oif: number): RouteRequest {
  return { ...routeRequest(spec, oif), protocol: RTPROT.UNSPEC, scope: RT_SCOPE.NOWHERE };
}
