import { NetError } from "../../base/errors.ts";
import { parseMac } from "../../base/mac.ts";
import type { Driver } from "../../model/driver.ts";
import { checkEndpointOptions, disablesIpv6 } from "../endpoint-options.ts";
import { checkMtu, parsedOnce } from "../options.ts";
import { MACVLAN_OPTION, parseMacvlanOptions } from "./options.ts";
import { planEndpoint, planNetwork } from "./plan.ts";

/** Sandboxes are members of the LAN that a link of the host leads to, each with a MAC of its own; the host routes nothing. */
export function macvlanDriver(): Driver {
  const optionsOf = parsedOnce(parseMacvlanOptions);
  return {
    name: "macvlan",
    capabilities: {
      scope: "local",
      ipam: "default",
      // The LAN's router has the gateway's address, and only its user knows which.
      gateway: false,
      links: true,
      hostEnd: false,
      publish: false,
      single: false,
    },
    checkNetwork: ({ options = {}, enableIPv6 = false }) =>
      checkMtu(parseMacvlanOptions(options), enableIPv6),
    checkAgainst(network, others) {
      const { parent, mode } = optionsOf(network);
      if (parent === undefined) return;
      const twin = others.find((other) => {
        const its = optionsOf(other);
        return its.parent === parent && (mode === "passthru" || its.mode === "passthru");
      });
      if (twin === undefined) return;
      const remedy = "give another parent, or another mode to both";
      throw new NetError("conflict", "network.create", {
        message: `network ${twin.name} is on parent ${parent} already, which passthru leaves to one network: ${remedy}`,
        subject: network.name,
        field: `options.${MACVLAN_OPTION.parent}`,
        value: parent,
        remedy,
      });
    },
    parent: ({ options = {} }) => parseMacvlanOptions(options).parent,
    hasNoWayOut: ({ options = {} }) => parseMacvlanOptions(options).parent === undefined,
    checkEndpoint(_network, request) {
      checkEndpointOptions(request, "macvlan");
      if (request.mac !== undefined) parseMac(request.mac, "mac", "endpoint.attach");
    },
    withoutFamilies: (request) => (disablesIpv6(request.options) ? [6] : []),
    network: (network) => planNetwork(network, optionsOf(network)),
    endpoint: ({ network, endpoint }) => planEndpoint(network, endpoint, optionsOf(network)),
    interfacePrefix: (network) => optionsOf(network).interfacePrefix,
  };
}
