import type { ConnectRequest } from "../client.ts";
import type { Flags } from "../flags.ts";
import type { Call } from "../spec.ts";

/** The endpoint goes as the API takes it; the daemon checks addresses and names against the network. */
export async function runNetworkConnect({ client, flags, args }: Call): Promise<number> {
  const [network, sandbox] = args as [string, string];
  await client.connect(network, { sandbox, ...connectRequest(flags) });
  return 0;
}

export async function runNetworkDisconnect({ client, args }: Call): Promise<number> {
  const [network, sandbox] = args as [string, string];
  await client.disconnect(network, sandbox);
  return 0;
}

export async function runNetworkCut({ client, args }: Call): Promise<number> {
  const [network, sandbox] = args as [string, string];
  await client.cut(network, sandbox);
  return 0;
}

export async function runNetworkHeal({ client, args }: Call): Promise<number> {
  const [network, sandbox] = args as [string, string];
  await client.heal(network, sandbox);
  return 0;
}

function connectRequest(flags: Flags): Omit<ConnectRequest, "sandbox"> {
  const options = flags.fullPairs("driverOpt", "key=value");
  const linkLocalIps = flags.list("linkLocalIp");
  return {
    aliases: flags.list("alias"),
    links: flags.list("link"),
    ipv4: flags.text("ip"),
    ipv6: flags.text("ip6"),
    ...(linkLocalIps.length === 0 ? {} : { linkLocalIps }),
    mac: flags.text("macAddress"),
    gwPriority: flags.integer("gwPriority", -(2 ** 31), 2 ** 31 - 1),
    interfaceName: flags.text("ifname"),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}
