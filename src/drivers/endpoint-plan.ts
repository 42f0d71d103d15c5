import { addressOf, type Cidr } from "../base/cidr.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { shortId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Blueprint } from "../model/ops.ts";
import type { AnnounceOptions } from "./announce.ts";
import { parseEndpointSysctls } from "./endpoint-options.ts";

/** `ifalias` of a network's own link on the host. */
export function networkAlias(network: Network): string {
  return `netdock:network:${shortId(network.id)}`;
}

/** `ifalias` of an endpoint's link. */
export function endpointAlias(endpoint: Endpoint): string {
  return `netdock:endpoint:${shortId(endpoint.id)}`;
}

/**
 * On a network without IPv6 a link-local address would only make noise: each link announces its own, and a bridge floods
 * that to all members. With a thousand of them it would take ten times as long to join as it does.
 */
export function linkLocalOf(network: Network): false | undefined {
  return network.enableIPv6 ? undefined : false;
}

export function addressesOf({ ipv4, ipv6, linkLocalIps = [] }: Endpoint): Cidr[] {
  return [ipv4, ipv6, ...linkLocalIps].filter((address) => address !== undefined);
}

/** What an endpoint has in its sandbox beside its link and addresses, whatever kind of link that is. */
export function insideOf(
  endpoint: Endpoint,
  { announce }: { readonly announce: AnnounceOptions },
): Pick<Blueprint, "sysctls" | "announcements"> {
  const link = endpoint.interfaceName as string;
  const netns = endpoint.sandboxId as string;
  const { mac } = endpoint;
  const addresses = addressesOf(endpoint).map(addressOf);
  return {
    sysctls: parseEndpointSysctls(endpoint.options).map(({ keyFor, value }) => ({
      netns,
      key: keyFor(link),
      value,
    })),
    announcements: mac === undefined ? [] : [{ netns, link, mac, addresses, ...announce }],
  };
}
