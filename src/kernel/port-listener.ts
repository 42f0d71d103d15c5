import { NetError } from "../base/errors.ts";
import { ipFromBytes } from "../base/ip.ts";
import type { PortServer, SocketAddress } from "../model/proxy.ts";
import { hasErrno, NO_ROOM } from "./errno.ts";
import { accept, listen, POLL, receiveFrom, shutdown, trySendTo } from "./libc.ts";
import type { Poller } from "./poller.ts";
import { portOf } from "./sockaddr.ts";

/** Connections that wait to be accepted; the kernel's own bound is net.core.somaxconn. */
const BACKLOG = 511;
/** Datagrams read at a go: a flood on one port must not keep the others waiting. */
const MOST_AT_ONCE = 64;
/** How long nothing is accepted when the process or the machine has no room for a connection. */
const REST_MS = 100;

/** Lets a bound, non-blocking TCP socket accept; returns what makes it refuse again. */
export function acceptBy(fd: number, poller: Poller, server: PortServer): () => void {
  listen(fd, BACKLOG);
  let timer: NodeJS.Timeout | undefined;
  const take = (): void => {
    try {
      for (;;) server.connection(accept(fd).fd);
    } catch (error) {
      if (!isKernelError(error)) throw error;
      if (!hasErrno(error, ...NO_ROOM)) return;
      poller.remove(fd);
      timer = setTimeout(() => poller.add(fd, POLL.IN, take), REST_MS);
    }
  };
  poller.add(fd, POLL.IN, take);
  return () => {
    clearTimeout(timer);
    poller.remove(fd);
    shutdown(fd);
  };
}

/**
 * Hands on what a bound, non-blocking UDP socket receives; returns what ends that. Datagrams land in `buffer`, one after
 * another: 64 KiB or more.
 */
export function receiveBy(
  fd: number,
  { poller, buffer }: { readonly poller: Poller; readonly buffer: Uint8Array },
  server: PortServer,
): () => void {
  let open = true;
  const take = (): void => {
    try {
      for (let i = 0; i < MOST_AT_ONCE && open; i++) {
        const { size, from } = receiveFrom(fd, buffer);
        server.datagram(buffer.slice(0, size), addressOf(from), (bytes) => {
          if (open) trySendTo(fd, bytes, from);
        });
      }
    } catch (error) {
      // EAGAIN: nothing is left.
      if (!isKernelError(error)) throw error;
    }
  };
  poller.add(fd, POLL.IN, take);
  return () => {
    open = false;
    poller.remove(fd);
  };
}

/** `EAGAIN`, and what became of a caller who is gone again (ECONNABORTED …): the socket itself is well. */
function isKernelError(error: unknown): boolean {
  return error instanceof NetError && error.errno !== undefined;
}

/** Of a struct sockaddr_in or sockaddr_in6. */
function addressOf(sockaddr: Uint8Array): SocketAddress {
  const ip = sockaddr.length === 16 ? sockaddr.subarray(4, 8) : sockaddr.subarray(8, 24);
  return { ip: ipFromBytes(ip), port: portOf(sockaddr) };
}
