import { NetError } from "../../base/errors.ts";
import type { Family } from "../../base/ip.ts";
import { parseMac } from "../../base/mac.ts";
import type { Driver } from "../../model/driver.ts";
import { checkEndpointOptions, disablesIpv6 } from "../endpoint-options.ts";
import { checkMtu, LINK_OPTION, parsedOnce } from "../options.ts";
import { BRIDGE_OPTION, checkModes, parseBridgeOptions } from "./options.ts";
import { bridgeName, modeOf, planEndpoint, planNetwork } from "./plan.ts";

/** Containers of one bridge talk directly; the way out is NAT, the way in is published ports. */
export function bridgeDriver(): Driver {
  const optionsOf = parsedOnce(parseBridgeOptions);
  return {
    name: "bridge",
    mtuOption: LINK_OPTION.mtu,
    capabilities: {
      scope: "local",
      ipam: "default",
      gateway: true,
      links: true,
      hostEnd: true,
      publish: true,
      single: false,
    },
    checkNetwork(request) {
      const options = parseBridgeOptions(request.options ?? {});
      checkMtu(options, request.enableIPv6 ?? false);
      checkModes(options, request.internal ?? false);
    },
    bareFamilies({ options = {}, internal = false }) {
      const { gatewayMode4, gatewayMode6, inhibit4 } = parseBridgeOptions(options);
      const families: Family[] = [];
      if (gatewayMode4 === "isolated" || (inhibit4 && internal)) families.push(4);
      if (gatewayMode6 === "isolated") families.push(6);
      return families;
    },
    checkAgainst(network, others) {
      const name = bridgeName(network, optionsOf(network));
      const twin = others.find((other) => bridgeName(other, optionsOf(other)) === name);
      if (twin === undefined) return;
      throw new NetError("conflict", "network.create", {
        message: `cannot create network ${network.name}: network ${twin.name} has the same bridge name ${name}`,
        subject: network.name,
        field: `options.${BRIDGE_OPTION.name}`,
        value: name,
        remedy: "choose another bridge name",
      });
    },
    adopts: (request) => parseBridgeOptions(request.options ?? {}).bridgeName,
    checkEndpoint(_network, request) {
      checkEndpointOptions(request, "bridge");
      if (request.mac !== undefined) parseMac(request.mac, "mac", "endpoint.attach");
    },
    withoutFamilies: (request) => (disablesIpv6(request.options) ? [6] : []),
    network: (network) => planNetwork(network, optionsOf(network)),
    endpoint: ({ network, endpoint, sandbox }) =>
      planEndpoint(network, endpoint, { ...optionsOf(network), publishes: sandbox.ports.length > 0 }),
    publishing(network, family) {
      const options = optionsOf(network);
      const mode = modeOf(options, family);
      return { translates: mode !== "routed", opens: mode === "routed" || options.trusted.length > 0 };
    },
    hostLink: (network) => bridgeName(network, optionsOf(network)),
    hostBinding: (network) => optionsOf(network).hostBinding,
    interfacePrefix: (network) => optionsOf(network).interfacePrefix,
  };
}
