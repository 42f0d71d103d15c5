import { isNetError } from "../base/errors.ts";
import { Datagrams } from "../kernel/datagrams.ts";
import * as libc from "../kernel/libc.ts";
import { Poller } from "../kernel/poller.ts";
import { openTcp, openUdp } from "../kernel/sockets.ts";
import { streams } from "../kernel/streams.ts";
import type { DatagramIo } from "../model/datagrams.ts";
import type { ResolverSockets } from "../model/host.ts";
import type { StreamIo } from "../model/streams.ts";
import type { Sockets } from "../services/dns/dialer.ts";

/** `sockaddr_in` of 127.0.0.1 (ip(7)): family in host order, port and address in network order. */
function loopback(port: number): Uint8Array {
  return Uint8Array.of(libc.AF.INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
}

/** As the daemon sends and receives, but beside Node's own loop. */
export function newSocketIo(): {
  readonly readiness: Poller;
  readonly datagrams: DatagramIo;
  readonly streams: StreamIo;
} {
  return { readiness: new Poller(), datagrams: new Datagrams(), streams };
}

/** Sockets to upstream servers, in the namespace the test runs in. */
export const socketsHere: Sockets = { udp: openUdp, tcp: openTcp };

/** What `Host.openResolver` gives, on 127.0.0.1 of the namespace the test runs in and a port free for both. */
export function openLoopbackSockets(): ResolverSockets {
  for (;;) {
    const udpFd = libc.socket(libc.AF.INET, libc.SOCK.DGRAM | libc.SOCK.NONBLOCK, 0);
    libc.bindSocket(udpFd, loopback(0), "a free port");
    const name = libc.socketName(udpFd);
    const port = ((name[2] as number) << 8) | (name[3] as number);
    const tcpFd = libc.socket(libc.AF.INET, libc.SOCK.STREAM | libc.SOCK.NONBLOCK, 0);
    try {
      libc.bindSocket(tcpFd, loopback(port), `port ${port}`);
      libc.listen(tcpFd, 128);
      return { udpFd, tcpFd, port };
    } catch (error) {
      libc.close(udpFd);
      libc.close(tcpFd);
      // Somebody's TCP socket is on the port that is free by UDP: take another.
      if (!isNetError(error, "kernel") || error.errno !== "EADDRINUSE") throw error;
    }
  }
}
