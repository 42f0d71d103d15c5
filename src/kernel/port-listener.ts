import { NetError } from "../base/errors.ts";
import { ipFromBytes } from "../base/ip.ts";
import type { PortServer, SocketAddress } from "../model/proxy.ts";
import { hasErrno, NO_ROOM } from "./errno.ts";
import { accept, close, POLL, receiveFrom, tryAccept, trySendTo } from "./libc.ts";
import type { Poller } from "./poller.ts";
import { portOf } from "./sockaddr.ts";
import type { SocketBatches } from "./socket-batch.ts";

/** Datagrams read at a go: a flood on one port must not keep the others waiting. */
const MOST_AT_ONCE = 64;
/** How long nothing is accepted when the process or the machine has no room for a connection. */
const REST_MS = 100;

export interface ListenerParts {
  readonly poller: Poller;
  /** Where datagrams land, one after another: 64 KiB or more. */
  readonly buffer: Uint8Array;
  readonly batches: SocketBatches;
}

interface Listening {
  readonly protocol: "tcp" | "udp";
  /** Gives the server of the socket with this index. */
  readonly servers: (index: number) => PortServer;
}

/** Hands on what comes to bound, non-blocking sockets, of TCP listening ones; returns what ends that. */
export function listenBy(
  fds: readonly number[],
  { protocol, servers }: Listening,
  parts: ListenerParts,
): () => void {
  const opened = new Map<number, PortServer>();
  const serverOf = (fd: number): PortServer => {
    const server = opened.get(fd) ?? servers(fds.indexOf(fd));
    opened.set(fd, server);
    return server;
  };
  return protocol === "tcp" ? acceptBy(fds, parts, serverOf) : receiveBy(fds, parts, serverOf);
}

/** Ends the connections that wait to be accepted: the kernel has answered them, and nobody will ever talk to them. */
export function refuseWaiting(fds: readonly number[]): void {
  for (const fd of fds) {
    for (let waiting = tryAccept(fd); waiting !== undefined; waiting = tryAccept(fd)) close(waiting);
  }
}

type ServerOf = (fd: number) => PortServer;

function acceptBy(
  fds: readonly number[],
  { poller, batches }: ListenerParts,
  serverOf: ServerOf,
): () => void {
  const resting = new Map<number, NodeJS.Timeout>();
  const take = (_events: number, fd: number): void => {
    try {
      for (;;) serverOf(fd).connection(accept(fd).fd);
    } catch (error) {
      if (!isKernelError(error)) throw error;
      if (!hasErrno(error, ...NO_ROOM)) return;
      poller.remove(fd);
      const goOn = (): void => {
        resting.delete(fd);
        poller.add(fd, POLL.IN, take);
      };
      resting.set(fd, setTimeout(goOn, REST_MS));
    }
  };
  poller.addAll(fds, POLL.IN, take, batches.for(fds.length));
  return () => {
    for (const timer of resting.values()) clearTimeout(timer);
    poller.removeAll(fds, batches.for(fds.length));
  };
}

function receiveBy(
  fds: readonly number[],
  { poller, buffer, batches }: ListenerParts,
  serverOf: ServerOf,
): () => void {
  let open = true;
  const take = (_events: number, fd: number): void => {
    try {
      for (let i = 0; i < MOST_AT_ONCE && open; i++) {
        const { size, from } = receiveFrom(fd, buffer);
        serverOf(fd).datagram(buffer.slice(0, size), addressOf(from), (bytes) => {
          if (open) trySendTo(fd, bytes, from);
        });
      }
    } catch (error) {
      // EAGAIN: nothing is left.
      if (!isKernelError(error)) throw error;
    }
  };
  poller.addAll(fds, POLL.IN, take, batches.for(fds.length));
  return () => {
    open = false;
    poller.removeAll(fds, batches.for(fds.length));
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
