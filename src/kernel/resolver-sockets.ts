import { NetError } from "../base/errors.ts";
import type { Ip } from "../base/ip.ts";
import type { ResolverSockets } from "../model/host.ts";
import { hasErrno } from "./errno.ts";
import { AF, bindSocket, close, listen, setSocketOption, SO, SOCK, socket, socketName, SOL } from "./libc.ts";
import { portOf, sockaddr } from "./sockaddr.ts";

/** Docker's address of the embedded resolver; every loopback has all of 127.0.0.0/8. */
const RESOLVER_IP = "127.0.0.11" as Ip;
const BACKLOG = 128;
/** A port free for UDP is free for TCP too, unless the sandbox itself took it. */
const MAX_TRIES = 16;

/** Opens both sockets in the thread's present namespace, on the same port: `wanted` if it is free, else the kernel's choice. */
export function openResolverSockets(wanted: number | undefined): ResolverSockets {
  if (wanted !== undefined) {
    const pair = tryPair(wanted);
    if (pair !== undefined) return pair;
  }
  for (let i = 0; i < MAX_TRIES; i++) {
    const pair = tryPair(0);
    if (pair !== undefined) return pair;
  }
  throw new NetError("exhausted", "resolver.open", {
    message: `no port of ${RESOLVER_IP} is free for both UDP and TCP`,
    subject: RESOLVER_IP,
  });
}

/** Undefined when one of the two is taken. */
function tryPair(wanted: number): ResolverSockets | undefined {
  const opened: number[] = [];
  const open = (type: number): number => {
    const fd = socket(AF.INET, type | SOCK.NONBLOCK, 0);
    opened.push(fd);
    return fd;
  };
  try {
    const udpFd = open(SOCK.DGRAM);
    bindSocket(udpFd, sockaddr(RESOLVER_IP, wanted), `${RESOLVER_IP}:${wanted}/udp`);
    const port = portOf(socketName(udpFd));
    const tcpFd = open(SOCK.STREAM);
    // Connections that the resolver closed in an earlier life linger on the port.
    setSocketOption(tcpFd, SOL.SOCKET, SO.REUSEADDR, 1);
    bindSocket(tcpFd, sockaddr(RESOLVER_IP, port), `${RESOLVER_IP}:${port}/tcp`);
    listen(tcpFd, BACKLOG);
    return { udpFd, tcpFd, port };
  } catch (error) {
    for (const fd of opened) close(fd);
    if (hasErrno(error, "EADDRINUSE")) return undefined;
    throw error;
  }
}
