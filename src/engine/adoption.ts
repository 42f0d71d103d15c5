import { NetError } from "../base/errors.ts";
import type { Network } from "../model/network.ts";
import { isOurs } from "../plan/sight.ts";
import type { Core } from "./core.ts";

/**
 * The network on a bridge that is there already, under the name its options give: somebody else's, who keeps it. Remembers what
 * the network will change of it. Throws `conflict` for a link that is no bridge.
 */
export function adoptBridge(core: Core, network: Network, name: string | undefined): Network {
  const found = name === undefined ? undefined : core.host.link(name);
  // One of our own belongs to another network, or to nobody any more: to make it is refused where it is made.
  if (found === undefined || isOurs(found)) return network;
  if (found.kind !== "bridge") {
    const remedy = "choose another name, or that of a bridge";
    throw new NetError("conflict", "network.create", {
      message: `link ${found.name} exists and is no bridge: ${remedy}`,
      subject: network.name,
      field: "options.com.docker.network.bridge.name",
      value: found.name,
      remedy,
    });
  }
  const state = { addresses: found.addresses, ...(found.up ? {} : { down: true as const }) };
  const adopted = { ...network, adopted: { ...state, sysctls: {} } };
  const keys = core
    .driverOf(network)
    .network(adopted)
    .sysctls.map(({ key }) => key)
    // Those of the whole host stay for the other networks.
    .filter((key) => key.split(".").includes(found.name.replaceAll(".", "/")));
  const values = keys.flatMap((key) => {
    const value = core.host.readSysctl(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...adopted, adopted: { ...state, sysctls: Object.fromEntries(values) } };
}
