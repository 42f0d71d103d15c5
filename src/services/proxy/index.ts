import type { Family } from "../../base/ip.ts";
import type { PortProxy } from "../../model/proxy.ts";
import { TcpRelay } from "./tcp.ts";
import { UdpRelay, type UdpLimits } from "./udp.ts";

/** Opens sockets in the host's namespace, not connected; the proxy closes them. */
export interface HostSockets {
  openTcp(family: Family): number;
  openUdp(family: Family): number;
}

/** As docker-proxy (moby, cmd/docker-proxy/udp_proxy_linux.go), with an end to how many clients one port can have. */
export const UDP_LIMITS: UdpLimits = { idleMs: 90_000, clients: 4096, waiting: 16 };

/**
 * Relays between sockets, in this process and for any number of ports: where a packet's addresses cannot be translated, as
 * between the families or to ::1, its contents still can be handed on. Who is served sees the host's address instead of
 * the client's.
 */
export function createPortProxy(sockets: HostSockets): PortProxy {
  return {
    open(target) {
      // Most ports are never asked for by way of the proxy: then there is nothing behind them.
      let tcp: TcpRelay | undefined;
      let udp: UdpRelay | undefined;
      return {
        connection: (fd) => (tcp ??= new TcpRelay(target, sockets)).take(fd),
        datagram: (bytes, from, reply) =>
          (udp ??= new UdpRelay(target, sockets, UDP_LIMITS)).take(bytes, from, reply),
        close() {
          tcp?.close();
          udp?.close();
        },
      };
    },
  };
}
