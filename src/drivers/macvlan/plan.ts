import type { Endpoint } from "../../model/endpoint.ts";
import { shortId } from "../../model/ids.ts";
import type { Network } from "../../model/network.ts";
import { type Blueprint, EMPTY_BLUEPRINT, HOST_NETNS } from "../../model/ops.ts";
import { addressesOf, endpointAlias, insideOf, linkLocalOf, networkAlias } from "../endpoint-plan.ts";
import type { MacvlanOptions } from "./options.ts";

/** The link that the network's links stand on: the user's, or one of our own. */
function parentOf(network: Network, options: MacvlanOptions): string {
  return options.parent ?? `nd-${shortId(network.id)}`;
}

/**
 * Nothing on the host where the user gave a parent. Otherwise a parent that leads nowhere: one end of a veth pair, whose other
 * end nobody has. (Docker takes a dummy link; not every kernel has those.)
 */
export function planNetwork(network: Network, options: MacvlanOptions): Blueprint {
  if (options.parent !== undefined) return EMPTY_BLUEPRINT;
  const { mtuBytes } = options;
  const end = `ndv${shortId(network.id)}`;
  return {
    ...EMPTY_BLUEPRINT,
    links: [
      {
        netns: HOST_NETNS,
        link: {
          name: parentOf(network, options),
          kind: { type: "veth", peer: { netns: HOST_NETNS, name: end, mtuBytes, linkLocal: false } },
          up: true,
          alias: networkAlias(network),
          mtuBytes,
          linkLocal: false,
        },
        addresses: [],
      },
    ],
  };
}

/** A link with a MAC of its own, made in the sandbox on the host's parent. */
export function planEndpoint(network: Network, endpoint: Endpoint, options: MacvlanOptions): Blueprint {
  const { mode, mtuBytes } = options;
  return {
    ...EMPTY_BLUEPRINT,
    ...insideOf(endpoint, options),
    links: [
      {
        netns: endpoint.sandboxId,
        link: {
          name: endpoint.interfaceName as string,
          kind: { type: "macvlan", parent: parentOf(network, options), mode },
          // In passthru mode the parent's own MAC becomes the endpoint's.
          mac: endpoint.mac,
          up: true,
          alias: endpointAlias(endpoint),
          mtuBytes,
          linkLocal: linkLocalOf(network),
        },
        addresses: addressesOf(endpoint),
      },
    ],
  };
}
