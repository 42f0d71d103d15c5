import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { familyOf, type Ip, ipBytes, ipFromBytes, isUnspecified } from "../base/ip.ts";
import type { PortRequest } from "./port-reservation.ts";

/** TCP states of proc(5), net/tcp, in which a socket has its port to itself: all but TIME_WAIT. */
const TIME_WAIT = "06";

interface Socket {
  readonly ip: Ip;
  readonly port: number;
  readonly inode: string;
}

/**
 * Who has a port of the thread's present network namespace: `nginx (pid 123)`; undefined when that cannot be told, as for a
 * socket that is bound and neither listens nor is connected.
 */
export function findHolder(request: Omit<PortRequest, "count">): string | undefined {
  const inodes = new Set(
    [4, 6]
      .flatMap((family) => socketsOf(request.protocol, family))
      .filter((socket) => socket.port === request.port && clash(socket.ip, request.ip))
      .map((socket) => `socket:[${socket.inode}]`),
  );
  return inodes.size === 0 ? undefined : processOf(inodes);
}

/** The table of one protocol: `sl local_address rem_address st … inode`, the addresses in hexadecimal. */
function socketsOf(protocol: string, family: number): Socket[] {
  let text;
  try {
    text = readFileSync(`/proc/thread-self/net/${protocol}${family === 6 ? "6" : ""}`, "latin1");
  } catch {
    // IPv6 or the protocol is not in this kernel.
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [address, port] = (fields[1] ?? "").split(":");
    const inode = fields[9];
    if (address === undefined || port === undefined || inode === undefined || fields[3] === TIME_WAIT)
      return [];
    if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(address)) return [];
    return [{ ip: ipOfHex(address), port: Number.parseInt(port, 16), inode }];
  });
}

/** Each group of eight digits is a 32-bit word in the machine's byte order. */
function ipOfHex(hex: string): Ip {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  for (let i = 0; i < bytes.length; i += 4) bytes.subarray(i, i + 4).reverse();
  return ipFromBytes(bytes);
}

/** Whether two sockets on one port keep each other out; an IPv6 wildcard has the IPv4 addresses too, unless told not to. */
function clash(a: Ip, b: Ip): boolean {
  if (isUnspecified(a) || isUnspecified(b)) return familyOf(a) === familyOf(b) || a === "::";
  return a === b || mapped(a) === mapped(b);
}

function mapped(ip: Ip): string {
  return familyOf(ip) === 4 ? ip : ip.startsWith("::ffff:") ? ip.slice(7) : ipBytes(ip).join(".");
}

function processOf(inodes: ReadonlySet<string>): string | undefined {
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (!inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`))) continue;
        return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`;
      }
    } catch {
      // It ended while we looked.
    }
  }
  return undefined;
}
