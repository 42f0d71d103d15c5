import { NetError } from "../base/errors.ts";
import { familyOf, type Ip } from "../base/ip.ts";
import { unreachable } from "../base/unreachable.ts";
import type { Protocol } from "../model/ports.ts";
import type { PortServer } from "../model/proxy.ts";
import { hasErrno } from "./errno.ts";
import {
  AF,
  attachDropFilter,
  bindSocket,
  close,
  detachFilter,
  IPPROTO_SCTP,
  IPV6_V6ONLY,
  listen,
  setSocketOption,
  shutdown,
  SO,
  SOCK,
  socket,
  socketName,
  SOL,
} from "./libc.ts";
import { findHolder } from "./port-holder.ts";
import { acceptBy, receiveBy } from "./port-listener.ts";
import type { Poller } from "./poller.ts";
import { portOf, sockaddr } from "./sockaddr.ts";

export interface PortRequest {
  readonly ip: Ip;
  /** 0 takes a free one. */
  readonly port: number;
  readonly protocol: Protocol;
}

/** A port held in the namespace it was asked for in. */
export interface HeldPort {
  readonly port: number;
  /** Answers by way of `server` from now on, until `rest`. Throws `unsupported` for SCTP. */
  serve(server: PortServer): void;
  /** Answers nothing again. */
  rest(): void;
  release(): void;
}

/**
 * Holds a port with a socket that answers nothing: TCP bound and not listening (a connection that no rule leads elsewhere
 * is refused), UDP bound and deaf. Throws `conflict` naming the holder, or `invalid` when the address is not the host's.
 * The same socket serves the port where a proxy does: at no moment is it anybody else's.
 */
export function holdPort(
  request: PortRequest,
  parts: { readonly poller: Poller; readonly buffer: Uint8Array },
): HeldPort {
  const fd = openFor(request);
  try {
    // A kernel without SCTP has nobody who could take the port.
    if (fd === undefined) return withoutSocket(request);
    bindFor(fd, request);
    const port = request.port === 0 ? portOf(socketName(fd)) : request.port;
    let held = true;
    let stop: (() => void) | undefined;
    const rest = (): void => {
      stop?.();
      stop = undefined;
    };
    return {
      port,
      serve: (server) => {
        rest();
        stop = serveBy(fd, request.protocol, parts, server);
      },
      rest,
      release: () => {
        if (!held) return;
        held = false;
        rest();
        close(fd);
      },
    };
  } catch (error) {
    if (fd === undefined) throw error;
    close(fd);
    throw explain(error, request);
  }
}

/** Returns what ends it. */
function serveBy(
  fd: number,
  protocol: Protocol,
  parts: { readonly poller: Poller; readonly buffer: Uint8Array },
  server: PortServer,
): () => void {
  switch (protocol) {
    case "tcp":
      return acceptBy(fd, parts.poller, server);
    case "udp": {
      detachFilter(fd);
      const stop = receiveBy(fd, parts, server);
      return () => {
        stop();
        attachDropFilter(fd);
      };
    }
    case "sctp":
      throw new NetError("unsupported", "port.serve", { message: "there is no proxy for SCTP" });
    default:
      return unreachable(protocol);
  }
}

function withoutSocket({ port, protocol }: PortRequest): HeldPort {
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

function openFor({ ip, protocol }: PortRequest): number | undefined {
  const domain = familyOf(ip) === 4 ? AF.INET : AF.INET6;
  const open = (): number | undefined => {
    switch (protocol) {
      case "tcp":
        return socket(domain, SOCK.STREAM | SOCK.NONBLOCK, 0);
      case "udp":
        return socket(domain, SOCK.DGRAM | SOCK.NONBLOCK, 0);
      case "sctp":
        try {
          return socket(domain, SOCK.STREAM, IPPROTO_SCTP);
        } catch (error) {
          if (hasErrno(error, "EPROTONOSUPPORT")) return undefined;
          throw error;
        }
      default:
        return unreachable(protocol);
    }
  };
  const fd = open();
  // `::` is every IPv6 address, and not every IPv4 address too: that one has a reservation of its own.
  if (fd !== undefined && domain === AF.INET6) setSocketOption(fd, SOL.IPV6, IPV6_V6ONLY, 1);
  return fd;
}

function bindFor(fd: number, request: PortRequest): void {
  const { ip, port, protocol } = request;
  const address = sockaddr(ip, port);
  const subject = describe(request);
  if (protocol === "udp") attachDropFilter(fd);
  try {
    // A socket without SO_REUSEADDR keeps everybody else out by being bound.
    bindSocket(fd, address, subject);
    return;
  } catch (error) {
    if (protocol !== "tcp" || !hasErrno(error, "EADDRINUSE")) throw error;
  }
  // With SO_REUSEADDR the lingering connections (TIME_WAIT) of a server that was here before are no obstacle. But two
  // sockets that have it may share a port until one listens. So ours listens for a moment, which makes the kernel check
  // and shuts the port to others (inet_csk_listen_start in net/ipv4/inet_connection_sock.c), and then gives up both.
  setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1);
  bindSocket(fd, address, subject);
  listen(fd, 0);
  shutdown(fd);
  setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 0);
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
