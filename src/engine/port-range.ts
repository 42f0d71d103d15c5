import { NetError } from "../base/errors.ts";
import type { Ip } from "../base/ip.ts";
import type { Host, PortReservation } from "../model/host.ts";
import type { PortMapping } from "../model/ports.ts";
import type { PortProxy, PortServer, SocketAddress } from "../model/proxy.ts";

const LAST_PORT = 65_535;

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
  const sockets: PortReservation[] = [];
  let servers: PortServer[] = [];
  const rest = (): void => {
    for (const socket of sockets) socket.rest();
    for (const server of servers) server.close();
    servers = [];
  };
  const release = (): void => {
    rest();
    for (const socket of sockets) socket.release();
  };
  const serve = (proxy: PortProxy, target: SocketAddress | undefined): void => {
    rest();
    if (target === undefined) return;
    try {
      for (const [i, socket] of sockets.entries()) {
        const server = proxy.open({ ip: target.ip, port: target.port + i });
        servers.push(server);
        socket.serve(server);
      }
    } catch (error) {
      rest();
      throw error;
    }
  };
  try {
    const start = host.reservePort({ ip, port: first ?? 0, protocol });
    sockets.push(start);
    const last = start.port + count - 1;
    if (last > LAST_PORT) {
      throw new NetError("conflict", "port.publish", {
        message: `${count} ports from ${start.port} on end beyond ${LAST_PORT}`,
        subject: `${start.port}/${protocol}`,
      });
    }
    for (let port = start.port + 1; port <= last; port++) {
      sockets.push(host.reservePort({ ip, port, protocol }));
    }
    return { first: start.port, serve, release };
  } catch (error) {
    release();
    throw error;
  }
}
