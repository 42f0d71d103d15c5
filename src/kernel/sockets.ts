import { type Family, familyOf, type Ip } from "../base/ip.ts";
import { AF, bindSocket, close, listen, setSocketOption, SO, SOCK, socket, SOL } from "./libc.ts";
import { sockaddr } from "./sockaddr.ts";

// Sockets for Node's own `net`, opened in the thread's present namespace: Node opens its own too late for that, when the
// thread is long back.

/** Room for connections that wait to be accepted; the kernel's own upper bound (net.core.somaxconn) is lower or higher. */
const BACKLOG = 511;

/** Neither bound nor connected. */
export function openTcp(family: Family): number {
  return socket(family === 4 ? AF.INET : AF.INET6, SOCK.STREAM, 0);
}

/** Bound to a port that the kernel chose, so that no two of them share one. */
export function openUdp(family: Family): number {
  const fd = socket(family === 4 ? AF.INET : AF.INET6, SOCK.DGRAM, 0);
  try {
    bindSocket(fd, sockaddr((family === 4 ? "0.0.0.0" : "::") as Ip, 0), "a free UDP port");
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Bound and listening; `port` 0 takes a free one. Throws `kernel` (EADDRINUSE, EADDRNOTAVAIL). */
export function listenTcp({ ip, port }: { readonly ip: Ip; readonly port: number }): number {
  const fd = openTcp(familyOf(ip));
  try {
    setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    bindSocket(fd, sockaddr(ip, port), `${ip} port ${port}`);
    listen(fd, BACKLOG);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
