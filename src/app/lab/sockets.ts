import { once } from "node:events";
import { type Server, Socket, type SocketConstructorOpts } from "node:net";
import { addressOf } from "../../base/cidr.ts";
import { NetError, showValue } from "../../base/errors.ts";
import { familyOf, type Ip, parseIp, tryParseIp } from "../../base/ip.ts";
import type { Engine, SandboxView } from "../../engine/contract.ts";
import type { LinuxHost } from "../../kernel/host.ts";
import { HOST_NETNS, type NetnsKey } from "../../model/ops.ts";
import type { DialOptions, ListenOptions } from "./types.ts";

/** Where a socket is opened: in a sandbox, or in the engine's host. */
export interface Place {
  readonly engine: Engine;
  readonly host: LinuxHost;
  readonly sandbox: SandboxView | undefined;
}

/**
 * Connects from there. The socket is made in the namespace and stays in it; connecting and all that follows is Node's own
 * work. Rejects as `net.connect` does (ECONNREFUSED, EHOSTUNREACH …), and with `cancelled` after an abort.
 */
export async function dial(place: Place, { host: name, port, signal }: DialOptions): Promise<Socket> {
  refuseAborted(signal);
  const ip = resolve(place, name);
  // Reading starts with the connection: before it, the kernel would answer that there is nobody to read from. The option
  // has been Node's own since 0.10 and is in no type.
  const options: SocketConstructorOpts & { manualStart: boolean } = {
    fd: place.host.openTcp(netnsOf(place), familyOf(ip)),
    manualStart: true,
  };
  const socket = new Socket(options);
  try {
    const connected = once(socket, "connect", { ...(signal === undefined ? {} : { signal }) });
    socket.connect({ host: ip, port });
    await connected;
    return socket;
  } catch (error) {
    socket.destroy();
    refuseAborted(signal);
    throw error;
  }
}

/** Lets a server of this process listen there; resolves when it does. */
export async function listen(place: Place, server: Server, { ip, port }: ListenOptions): Promise<void> {
  const at = ip === undefined ? ("0.0.0.0" as Ip) : parseIp(ip, "ip", "sandbox.listen");
  const listening = once(server, "listening");
  // It takes the descriptor over, and closes it with itself.
  server.listen({ fd: place.host.listenTcp(netnsOf(place), { ip: at, port }) });
  await listening;
}

function netnsOf({ sandbox }: Place): NetnsKey {
  return sandbox === undefined || sandbox.netns.kind === "host" ? HOST_NETNS : sandbox.id;
}

/** A name as it is known there: a sandbox's, or an alias. Sandboxes know those on their own networks, the host knows all. */
function resolve({ engine, sandbox }: Place, name: string): Ip {
  const ip = tryParseIp(name);
  if (ip !== undefined) return ip;
  const wanted = name.toLowerCase();
  if (wanted === "localhost") return "127.0.0.1" as Ip;
  const own = sandbox?.endpoints.map((e) => e.networkId);
  for (const { hostname, endpoints } of engine.sandboxes()) {
    for (const { networkId, aliases, ipv4, ipv6 } of endpoints) {
      const address = ipv4 ?? ipv6;
      if (address === undefined || own?.includes(networkId) === false) continue;
      if ([hostname, ...aliases].some((alias) => alias.toLowerCase() === wanted)) return addressOf(address);
    }
  }
  throw new NetError("not_found", "dial", {
    message: `host: there is no ${showValue(name)} ${sandbox === undefined ? "here" : `on a network of ${sandbox.name}`}`,
    field: "host",
    value: name,
    remedy: "give an address, or the name or alias of a sandbox",
  });
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw gaveUp(signal);
}

/** What a call throws that was aborted. */
export function gaveUp(signal: AbortSignal): NetError {
  return new NetError("cancelled", "dial", { message: "the caller gave up", cause: signal.reason });
}
