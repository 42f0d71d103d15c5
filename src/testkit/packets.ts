import { isNetError } from "../base/errors.ts";
import { type Ip, ipFromBytes } from "../base/ip.ts";
import * as libc from "../kernel/libc.ts";
import type { Sync } from "../kernel/netns.ts";
import { sockaddr } from "../kernel/sockaddr.ts";

/** Runs something in a namespace: `HostNamespace.visit` for the host or one sandbox. */
export type Visit = <T>(run: () => Sync<T>) => T;

/** How long a packet may take before it counts as dropped, unless told otherwise. */
const TIMEOUT_MS = 300;

/** What became of one connection or datagram. */
export type Outcome =
  /** It arrived, and this is where the server saw it come from. */
  | { readonly kind: "arrived"; readonly from: Ip }
  /** `ECONNREFUSED`, `EHOSTUNREACH` …; `EAGAIN`, `EINPROGRESS` and `EALREADY` when nothing came back in time. */
  | { readonly kind: "failed"; readonly errno: string };

/**
 * Sends one packet exchange without any other process: a server socket in one namespace, a client's in another, real packets
 * in between. `at` is where the server listens, `to` where the client turns to (the same, unless something translates).
 */
export function probe(options: {
  readonly protocol: "tcp" | "udp";
  readonly server: Visit;
  readonly client: Visit;
  readonly at: { readonly ip: Ip; readonly port: number };
  readonly to?: { readonly ip: Ip; readonly port: number };
  /** Whether the server's end of a TCP connection is closed before the client's. */
  readonly serverClosesFirst?: boolean;
  /** Shorter where a drop is expected, and the same path is known to work. */
  readonly timeoutMs?: number;
}): Outcome {
  const {
    protocol,
    server,
    client,
    at,
    to = at,
    timeoutMs = TIMEOUT_MS,
    serverClosesFirst = false,
  } = options;
  const type = protocol === "tcp" ? libc.SOCK.STREAM : libc.SOCK.DGRAM;
  const opened: number[] = [];
  const open = (ip: Ip): number => {
    const fd = libc.socket(ip.includes(":") ? libc.AF.INET6 : libc.AF.INET, type, 0);
    opened.push(fd);
    for (const option of [libc.SO.RCVTIMEO, libc.SO.SNDTIMEO]) setTimeoutOption(fd, option, timeoutMs);
    return fd;
  };
  try {
    const listening = server(() => {
      const fd = open(at.ip);
      libc.setSocketOption(fd, libc.SOL.SOCKET, libc.SO.REUSEADDR, 1);
      libc.bindSocket(fd, sockaddr(at.ip, at.port), `${at.ip}:${at.port}`);
      if (protocol === "tcp") libc.listen(fd, 1);
      return fd;
    });
    const asking = client(() => open(to.ip));
    uninterrupted(() => libc.connectSocket(asking, sockaddr(to.ip, to.port), `${to.ip}:${to.port}`));
    if (protocol === "tcp") {
      const connection = uninterrupted(() => libc.accept(listening));
      // They are closed in order.
      if (serverClosesFirst) opened.unshift(connection.fd);
      else opened.push(connection.fd);
      return { kind: "arrived", from: ipOf(connection.from) };
    }
    libc.send(asking, Uint8Array.of(1));
    const { from } = uninterrupted(() => libc.receiveFrom(listening, new Uint8Array(16)));
    // The answer must find its way back too, as it did for TCP.
    libc.connectSocket(listening, from, "the client");
    libc.send(listening, Uint8Array.of(2));
    if (libc.receive(asking, new Uint8Array(16), 0) < 0) return { kind: "failed", errno: "EAGAIN" };
    return { kind: "arrived", from: ipOf(from) };
  } catch (error) {
    if (!isNetError(error, "kernel") || error.errno === undefined) throw error;
    return { kind: "failed", errno: error.errno };
  } finally {
    for (const fd of opened) libc.close(fd);
  }
}

/** Whether a TCP connection to somebody who listens already comes about before the time is up. */
export function connects(
  client: Visit,
  to: { readonly ip: Ip; readonly port: number },
  timeoutMs: number,
): boolean {
  const fd = client(() =>
    libc.socket(to.ip.includes(":") ? libc.AF.INET6 : libc.AF.INET, libc.SOCK.STREAM, 0),
  );
  try {
    setTimeoutOption(fd, libc.SO.SNDTIMEO, timeoutMs);
    uninterrupted(() => libc.connectSocket(fd, sockaddr(to.ip, to.port), `${to.ip}:${to.port}`));
    return true;
  } catch (error) {
    if (!isNetError(error, "kernel") || error.errno === undefined) throw error;
    return false;
  } finally {
    libc.close(fd);
  }
}

/**
 * A socket with a timeout is not resumed after a signal (signal(7)), and children of a test that end send some. A second
 * connect(2) goes on waiting for the first; EALREADY is then its word for a timeout.
 */
function uninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!isNetError(error, "kernel") || error.errno !== "EINTR") throw error;
    }
  }
}

function setTimeoutOption(fd: number, option: number, timeoutMs: number): void {
  // struct timeval: seconds, microseconds.
  const [seconds, rest] = [Math.trunc(timeoutMs / 1000), timeoutMs % 1000];
  const value = new Uint8Array(BigInt64Array.of(BigInt(seconds), BigInt(rest) * 1000n).buffer);
  libc.setSocketOptionBytes(fd, libc.SOL.SOCKET, option, value);
}

function ipOf(address: Uint8Array): Ip {
  return ipFromBytes(address.length === 16 ? address.slice(4, 8) : address.slice(8, 24));
}
