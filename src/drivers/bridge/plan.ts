import { addressOf, type Cidr, makeCidr } from "../../base/cidr.ts";
import { type Family, familyOf, type Ip, ipFromBytes } from "../../base/ip.ts";
import { localMac, type Mac, macBytes } from "../../base/mac.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import { shortId } from "../../model/ids.ts";
import type { Network } from "../../model/network.ts";
import { type Blueprint, EMPTY_BLUEPRINT, HOST_NETNS } from "../../model/ops.ts";
import { type GatewayMode, networkElements } from "../../plan/firewall/index.ts";
import { addressesOf, endpointAlias, insideOf, linkLocalOf, networkAlias } from "../endpoint-plan.ts";
import type { BridgeOptions } from "./options.ts";

/** IFNAMSIZ leaves 15 bytes: a prefix of three and twelve digits of the id fill them exactly. */
export function bridgeName(network: Network, options: BridgeOptions): string {
  return options.bridgeName ?? `nd-${shortId(network.id)}`;
}

/** Locally administered, and the same whenever the bridge is made anew: from the network's id. */
function bridgeMac(network: Network): Mac {
  const digits = network.id.slice(0, 12).match(/../g) ?? [];
  return localMac(Uint8Array.from(digits, (pair) => Number.parseInt(pair, 16)));
}

/**
 * The link-local address that the kernel would make of the bridge's MAC (RFC 4291 appendix A), given by us so that it can be
 * used at once: neighbours are asked for from it (ndisc_send_ns), and the kernel's own is tentative for a second or two.
 */
function bridgeLinkLocal(network: Network): Cidr {
  const [first = 0, ...rest] = macBytes(bridgeMac(network));
  const bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  return makeCidr(ipFromBytes(Uint8Array.from(bytes)), 64);
}

export function modeOf(options: BridgeOptions, family: Family): GatewayMode {
  return family === 4 ? options.gatewayMode4 : options.gatewayMode6;
}

/** Under which address of the host's members leave, where they do not keep their own. */
function leaveBy(options: BridgeOptions, family: Family): Ip | "masquerade" | undefined {
  const mode = modeOf(options, family);
  if (!options.masquerade || (mode !== "nat" && mode !== "nat-unprotected")) return undefined;
  return (family === 4 ? options.source4 : options.source6) ?? "masquerade";
}

/** The bridge with the gateway addresses on it, forwarding switched on, and its elements in the firewall's maps. */
export function planNetwork(network: Network, options: BridgeOptions): Blueprint {
  const bridge = bridgeName(network, options);
  const addresses = network.ipam.pools.flatMap(({ gateway }) => {
    if (gateway === undefined) return [];
    const family = familyOf(addressOf(gateway));
    const bare = modeOf(options, family) === "isolated" || (family === 4 && options.inhibit4);
    return bare || network.adopted?.addresses.includes(gateway) === true ? [] : [gateway];
  });
  const isolated6 = options.gatewayMode6 === "isolated";
  if (network.enableIPv6 && !isolated6) addresses.push(bridgeLinkLocal(network));
  // A '.' in a link name is written '/' in a sysctl key, as sysctl(8) does.
  const name = bridge.replaceAll(".", "/");
  const sysctl = (key: string, value: string): Blueprint["sysctls"][number] => ({
    netns: HOST_NETNS,
    key,
    value,
    optional: true,
  });
  const sysctls: Blueprint["sysctls"] = [
    { netns: HOST_NETNS, key: "net.ipv4.ip_forward", value: "1" },
    // Lets the host reach published ports by 127.0.0.1: such packets leave by the bridge with a loopback source until
    // they are masqueraded. The firewall keeps members of the bridge away from the host's loopback.
    { netns: HOST_NETNS, key: `net.ipv4.conf.${name}.route_localnet`, value: "1" },
    ...(network.enableIPv6
      ? [
          // Router advertisements of a container must not change the host's routes.
          sysctl(`net.ipv6.conf.${name}.accept_ra`, "0"),
          sysctl(`net.ipv6.conf.${name}.disable_ipv6`, isolated6 ? "1" : "0"),
          sysctl("net.ipv6.conf.all.forwarding", "1"),
        ]
      : []),
  ];
  return {
    links: [
      {
        netns: HOST_NETNS,
        link: {
          name: bridge,
          kind: options.icc ? { type: "bridge" } : { type: "bridge", filtered: true },
          // A bridge without an address of its own takes the lowest of its ports', and its members' ARP entries go stale.
          mac: bridgeMac(network),
          up: true,
          alias: networkAlias(network),
          mtuBytes: options.mtuBytes,
          // It gets one of ours instead, or none.
          linkLocal: false,
        },
        addresses,
        ...(network.adopted === undefined ? {} : { foreign: true, downAfter: network.adopted.down === true }),
      },
    ],
    addresses: [],
    routes: [],
    sysctls: sysctls.map((one) => ({ ...one, before: network.adopted?.sysctls[one.key] })),
    firewall: networkElements({
      bridge,
      internal: network.internal,
      icc: options.icc,
      trusted: options.trusted,
      mode4: options.gatewayMode4,
      mode6: options.gatewayMode6,
      leave4: network.enableIPv4 ? leaveBy(options, 4) : undefined,
      leave6: network.enableIPv6 ? leaveBy(options, 6) : undefined,
    }),
  };
}

/** A veth pair: one end a port of the bridge, the other in the sandbox, made up, named and addressed there. */
export function planEndpoint(
  network: Network,
  endpoint: Endpoint,
  options: BridgeOptions & { readonly publishes: boolean },
): Blueprint {
  const inside = endpoint.interfaceName as string;
  const netns = endpoint.sandboxId as string;
  return {
    ...EMPTY_BLUEPRINT,
    ...insideOf(endpoint, options),
    links: [
      {
        netns: HOST_NETNS,
        link: {
          name: endpoint.hostInterface as string,
          kind: {
            type: "veth",
            peer: {
              netns,
              name: inside,
              mac: endpoint.mac,
              mtuBytes: options.mtuBytes,
              linkLocal: linkLocalOf(network),
            },
          },
          up: true,
          alias: endpointAlias(endpoint),
          master: bridgeName(network, options),
          mtuBytes: options.mtuBytes,
          // Where br_netfilter translates addresses of bridged frames, a sandbox that asks for its own published port has
          // its frame sent back out of the port it came in by. Others need not hear their own broadcasts.
          hairpin: options.publishes,
          ...(options.icc ? {} : { isolated: true }),
          // An address of a bridge's port is good for nothing.
          linkLocal: false,
        },
        addresses: [],
      },
    ],
    addresses: addressesOf(endpoint).map((address) => ({ netns, address: { link: inside, address } })),
  };
}
