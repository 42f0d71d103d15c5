import type { Call } from "../spec.ts";

export async function runNetworkPeer({ client, flags, args }: Call): Promise<number> {
  const [network, other] = args as [string, string];
  const ports = flags.list("port");
  await client.peer(network, {
    network: other,
    ...(flags.has("oneWay") ? { oneWay: true } : {}),
    ...(ports.length === 0 ? {} : { ports }),
  });
  return 0;
}

export async function runNetworkUnpeer({ client, args }: Call): Promise<number> {
  const [network, other] = args as [string, string];
  await client.unpeer(network, other);
  return 0;
}
