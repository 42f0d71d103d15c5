import { NetError } from "../base/errors.ts";
import { familyOf, type Ip } from "../base/ip.ts";
import type { PortReservation } from "../model/host.ts";
import type { Protocol } from "../model/ports.ts";
import { hasErrno } from "./errno.ts";
import {
  AF,
  bindSocket,
  IPPROTO_SCTP,
  IPV6_V6ONLY,
  setSocketOption,
  SO,
  SOCK,
  socketName,
  SOL,
} from "./libc.ts";
import { findHolder } from "./port-holder.ts";
import { listenBy, type ListenerParts, refuseWaiting } from "./port-listener.ts";
import { portOf, sockaddr } from "./sockaddr.ts";
import type { SocketBatch } from "./socket-batch.ts";
import type { SocketFilters } from "./socket-filter.ts";

export interface PortRequest {
  readonly ip: Ip;
  /** The first of them; 0 takes a free one. */
  readonly port: number;
  readonly count: number;
  readonly protocol: Protocol;
}

/** Neighbouring ports held in the namespace they were asked for in. */
export type HeldPorts = PortReservation & { readonly port: number };

/** What all held ports share. */
export interface PortParts extends ListenerParts {
  readonly filters: SocketFilters;
}

const LAST_PORT = 65_535;
/** Connections that wait to be accepted; the kernel's own bound is net.core.somaxconn. */
const BACKLOG = 511;

/**
 * Holds ports with a socket each, all or none. The sockets answer nothing: what comes to them is dropped by a filter. TCP ones
 * listen all the same, since to a port where nobody does the kernel answers by a reset, and so would end translated
 * connections whenever somebody flushes the rules that translate. Throws `conflict` naming the holder, or `invalid` when the address is
 * not the host's. The same sockets serve the ports where a proxy does: at no moment are they anybody else's.
 */
export function holdPorts(request: PortRequest, parts: PortParts): HeldPorts {
  const { protocol, count } = request;
  if (request.port === 0 && count > 1) return holdFreeRange(request, parts);
  const batch = parts.batches.for(count);
  let fds: readonly number[];
  try {
    fds = openFor(request, batch);
  } catch (error) {
    // A kernel without SCTP has nobody who could take the port.
    if (protocol !== "sctp" || !hasErrno(error, "EPROTONOSUPPORT")) throw error;
    return withoutSocket(request);
  }
  try {
    settle(fds, request, parts);
  } catch (error) {
    batch.close(fds);
    throw error;
  }
  const port = request.port === 0 ? portOf(socketName(fds[0] as number)) : request.port;
  return heldBy(fds, { ...request, port }, parts);
}

/** The kernel names the first; the others must be free, too. */
function holdFreeRange(request: PortRequest, parts: PortParts): HeldPorts {
  const first = holdPorts({ ...request, count: 1 }, parts);
  first.release();
  return holdPorts({ ...request, port: first.port }, parts);
}

function heldBy(fds: readonly number[], request: PortRequest, parts: PortParts): HeldPorts {
  const { protocol, port } = request;
  // Asked each time: a ring ends with the host that it belongs to.
  const batch = (): SocketBatch => parts.batches.for(fds.length);
  let held = true;
  let stop: (() => void) | undefined;
  const deafen = (): void => {
    if (stop === undefined) return;
    parts.filters.attach(fds, "nothing", batch());
    stop();
    stop = undefined;
    if (protocol === "tcp") refuseWaiting(fds);
  };
  return {
    port,
    serve: (servers, { loopbackOnly }) => {
      if (protocol === "sctp") {
        throw new NetError("unsupported", "port.serve", { message: "there is no proxy for SCTP" });
      }
      deafen();
      stop = listenBy(fds, { protocol, servers }, parts);
      parts.filters.attach(fds, loopbackOnly ? "to ::1" : "all", batch());
    },
    rest: deafen,
    release: () => {
      if (!held) return;
      held = false;
      stop?.();
      batch().close(fds);
    },
  };
}

function withoutSocket({ port, protocol }: PortRequest): HeldPorts {
  if (port === 0) {
    const remedy = "give the port of the host";
    throw new NetError("unsupported", "port.reserve", {
      message: `this kernel has no ${protocol.toUpperCase()}, so no free port can be found: ${remedy}`,
      remedy,
    });
  }
  const nothing = (): void => undefined;
  return { port, serve: nothing, rest: nothing, release: nothing };
}

function openFor({ ip, protocol, port, count }: PortRequest, batch: SocketBatch): readonly number[] {
  if (port + count - 1 > LAST_PORT) {
    throw new NetError("conflict", "port.publish", {
      message: `${count} ports from ${port} on end beyond ${LAST_PORT}`,
      subject: `${port}/${protocol}`,
    });
  }
  const domain = familyOf(ip) === 4 ? AF.INET : AF.INET6;
  const type = (protocol === "udp" ? SOCK.DGRAM : SOCK.STREAM) | SOCK.NONBLOCK;
  const fds = batch.open({ domain, type, protocol: protocol === "sctp" ? IPPROTO_SCTP : 0 }, count);
  // `::` is every IPv6 address, and not every IPv4 address too: that one has a reservation of its own.
  if (domain === AF.INET6) batch.setOption(fds, SOL.IPV6, IPV6_V6ONLY, 1);
  return fds;
}

/** Gives the sockets their filter, their ports and, for TCP, the state in which they keep all others out. */
function settle(fds: readonly number[], request: PortRequest, parts: PortParts): void {
  const { protocol } = request;
  const batch = parts.batches.for(fds.length);
  if (protocol !== "sctp") parts.filters.attach(fds, "nothing", batch);
  const one = (index: number): PortRequest => ({ ...request, port: request.port + index, count: 1 });
  batch.bind(fds, addressesOf(request), (i, error) => {
    if (protocol !== "tcp" || !hasErrno(error, "EADDRINUSE")) throw explain(error, one(i));
    bindBesideLingering(fds[i] as number, one(i));
  });
  if (protocol !== "tcp") return;
  batch.listen(fds, BACKLOG, (i, error) => {
    throw explain(error, one(i));
  });
}

/**
 * With SO_REUSEADDR the lingering connections (TIME_WAIT) of a server that was here before are no obstacle. But two sockets that
 * have it may share a port until one listens: ours does so next, which makes the kernel check and shuts the port to others
 * (inet_csk_listen_start in net/ipv4/inet_connection_sock.c).
 */
function bindBesideLingering(fd: number, request: PortRequest): void {
  setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1);
  try {
    bindSocket(fd, sockaddr(request.ip, request.port), describe(request));
  } catch (error) {
    throw explain(error, request);
  }
}

/** One socket address behind the other. */
function addressesOf({ ip, port, count }: PortRequest): Uint8Array {
  const first = sockaddr(ip, port);
  const all = new Uint8Array(first.length * count);
  for (let i = 0; i < count; i++) {
    all.set(first, first.length * i);
    all[first.length * i + 2] = (port + i) >> 8;
    all[first.length * i + 3] = port + i;
  }
  return all;
}

function describe({ ip, port, protocol }: PortRequest): string {
  return `port ${port}/${protocol} on ${ip}`;
}

function explain(error: unknown, request: PortRequest): unknown {
  const text = describe(request);
  if (hasErrno(error, "EADDRINUSE")) {
    if (request.port === 0) {
      const message = `no ${request.protocol} port of ${request.ip} is free`;
      return new NetError("exhausted", "port.reserve", { message, subject: text, errno: "EADDRINUSE" });
    }
    const holder = findHolder(request);
    return new NetError("conflict", "port.reserve", {
      message: `${text} is held by ${holder ?? "another process"}`,
      subject: text,
      errno: "EADDRINUSE",
      remedy: "publish another port of the host, or stop who holds this one",
    });
  }
  if (!hasErrno(error, "EADDRNOTAVAIL")) return error;
  return new NetError("invalid", "port.reserve", {
    message: `hostIp: ${request.ip} is not an address of this host`,
    subject: text,
    field: "hostIp",
    value: request.ip,
    errno: "EADDRNOTAVAIL",
    remedy: "publish on an address of this host, or on 0.0.0.0 for all of them",
  });
}
