import { NetError } from "../base/errors.ts";
import { familyOf, type Ip } from "../base/ip.ts";
import { unreachable } from "../base/unreachable.ts";
import type { Protocol } from "../model/ports.ts";
import { hasErrno } from "./errno.ts";
import {
  AF,
  attachDropFilter,
  bindSocket,
  close,
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
  release(): void;
}

/**
 * Holds a port with a socket that answers nothing: TCP bound and not listening (a connection that no rule leads elsewhere
 * is refused), UDP bound and deaf. Throws `conflict` naming the holder, or `invalid` when the address is not the host's.
 */
export function holdPort(request: PortRequest): HeldPort {
  const fd = openFor(request);
  // A kernel without SCTP has nobody who could take the port.
  if (fd === undefined) return { port: request.port, release: () => undefined };
  try {
    bindFor(fd, request);
    const port = portOf(socketName(fd));
    let held = true;
    return {
      port,
      release: () => {
        if (held) close(fd);
        held = false;
      },
    };
  } catch (error) {
    close(fd);
    throw explain(error, request);
  }
}

function openFor({ ip, protocol }: PortRequest): number | undefined {
  const domain = familyOf(ip) === 4 ? AF.INET : AF.INET6;
  const open = (): number | undefined => {
    switch (protocol) {
      case "tcp":
        return socket(domain, SOCK.STREAM, 0);
      case "udp":
        return socket(domain, SOCK.DGRAM, 0);
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
  if (protocol !== "tcp") {
    if (protocol === "udp") attachDropFilter(fd);
    bindSocket(fd, address, subject);
    return;
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
