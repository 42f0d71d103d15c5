import { familyOf, type Ip } from "../base/ip.ts";
import type { Host } from "../model/host.ts";
import type { PortMapping } from "../model/ports.ts";
import type { PortProxy, PortServer, SocketAddress } from "../model/proxy.ts";

/** Neighbouring ports of one address, held together. */
export interface ReservedRange {
  readonly first: number;
  /** Serves the ports by way of a proxy, each to the port as far from `target`'s; undefined: not any more. */
  serve(proxy: PortProxy, target: SocketAddress | undefined): void;
  release(): void;
}

/** Holds `count` ports from `first` on, or from a free one; all or nothing. */
export function reserveRange(
  host: Host,
  range: Pick<PortMapping, "protocol" | "count">,
  ip: Ip,
  first: number | undefined,
): ReservedRange {
  const { protocol, count } = range;
  const sockets = host.reservePorts({ ip, port: first ?? 0, count, protocol });
  let servers: PortServer[] = [];
  const closeServers = (): void => {
    for (const server of servers) server.close();
    servers = [];
  };
  return {
    first: sockets.port,
    serve: (proxy, target) => {
      sockets.rest();
      closeServers();
      if (target === undefined) return;
      const open = (i: number): PortServer => {
        const server = proxy.open({ ip: target.ip, port: target.port + i });
        servers.push(server);
        return server;
      };
      // What else comes by IPv6 is translated, and must not meet the proxy when the rules are gone for a moment.
      sockets.serve(open, { loopbackOnly: ip === "::" && familyOf(target.ip) === 6 });
    },
    release: () => {
      sockets.release();
      closeServers();
    },
  };
}
