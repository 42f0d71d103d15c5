import { readFile } from "node:fs/promises";

/** A socket that waits for connections (TCP) or datagrams (UDP). */
export interface Listener {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** Bound to a loopback address: nobody outside the sandbox can reach it. */
  readonly isLoopback: boolean;
}

/** `st` of proc_net_tcp (include/net/tcp_states.h): TCP_LISTEN, and TCP_CLOSE, which is what an unconnected UDP socket has. */
const LISTENING: Readonly<Record<Listener["protocol"], string>> = { tcp: "0A", udp: "07" };

/** Rows of `/proc/<pid>/net/tcp` and its like: `sl local_address rem_address st …`, addresses in hex, host byte order. */
export function parseListeners(protocol: Listener["protocol"], text: string): Listener[] {
  const listeners: Listener[] = [];
  for (const line of text.split("\n").slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/);
    if (local === undefined || state !== LISTENING[protocol]) continue;
    const [address, port] = local.split(":") as [string, string];
    listeners.push({ protocol, port: Number.parseInt(port, 16), isLoopback: isLoopbackHex(address) });
  }
  return listeners;
}

/** Each 32-bit word is little-endian: 127.0.0.1 is 0100007F, ::1 ends in 01000000, ::ffff:127.0.0.1 in FFFF00000100007F. */
function isLoopbackHex(address: string): boolean {
  if (address.length === 8) return address.endsWith("7F");
  return address === "00000000000000000000000001000000" || /^0{16}FFFF0000.{6}7F$/.test(address);
}

/** All listeners in the network namespace of a process; none when it is gone. */
export async function readListeners(pid: number): Promise<readonly Listener[]> {
  const files = ["tcp", "tcp6", "udp", "udp6"].map(async (name) => {
    const text = await readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "");
    return parseListeners(name.startsWith("tcp") ? "tcp" : "udp", text);
  });
  return (await Promise.all(files)).flat();
}
