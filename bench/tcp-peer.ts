// A TCP server or client of bench:ports, in a process and a namespace of its own, by bare blocking system calls.
// A connection begins with a 32-bit number: so many MiB follow. The server reads them and sends one byte back.
import { closeSync, openSync } from "node:fs";
import type { Ip } from "../src/base/ip.ts";
import {
  accept,
  bindSocket,
  close,
  connectSocket,
  listen,
  receive,
  send,
  setSocketOption,
  setSocketOptionBytes,
  SO,
  SOCK,
  socket,
  SOL,
  AF,
} from "../src/kernel/libc.ts";
import { type Sync, ThreadNamespaces } from "../src/kernel/netns.ts";
import { sockaddr } from "../src/kernel/sockaddr.ts";
import { summarize } from "./lib/statistics.ts";

export interface PeerCall {
  readonly do: "connections" | "throughput";
  readonly ip: Ip;
  readonly port: number;
  /** Connections, or MiB. */
  readonly count: number;
}

export interface Connections {
  /** Microseconds from the call for a socket to the byte that came back. */
  readonly median: number;
  readonly perSecond: number;
}

const [role, path = "", port = ""] = process.argv.slice(2);
const namespaces = new ThreadNamespaces();
const ANSWER = Uint8Array.of(1);
const MIB = 2 ** 20;
const buffer = new Uint8Array(0x2_0000);
/** struct linger: on, no time. A reset at the end leaves no TIME_WAIT behind, which would fill the ports up. */
const RESET = new Uint8Array(Int32Array.of(1, 0).buffer);
const SO_LINGER = 13;

function inside<T>(run: () => Sync<T>): T {
  const netns = openSync(path, "r");
  try {
    return namespaces.withNetns(netns, run);
  } finally {
    closeSync(netns);
  }
}

function serve(): never {
  const listening = inside(() => {
    const fd = socket(AF.INET, SOCK.STREAM, 0);
    setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    bindSocket(fd, sockaddr("0.0.0.0" as Ip, Number(port)), "server");
    listen(fd, 511);
    return fd;
  });
  process.send?.("ready");
  for (;;) {
    const { fd } = accept(listening);
    try {
      answer(fd);
    } catch {
      // The client's reset is how a connection ends.
    }
    close(fd);
  }
}

function answer(fd: number): void {
  receive(fd, buffer.subarray(0, 4), 0);
  let left = new DataView(buffer.buffer).getUint32(0, true) * MIB;
  while (left > 0) left -= receive(fd, buffer, 0);
  send(fd, ANSWER);
  receive(fd, buffer, 0);
}

/** Dials, says how much follows, sends it and waits for the answer. */
function talk(to: Uint8Array, mib: number): void {
  const fd = socket(AF.INET, SOCK.STREAM, 0);
  setSocketOptionBytes(fd, SOL.SOCKET, SO_LINGER, RESET);
  connectSocket(fd, to, "server");
  send(fd, new Uint8Array(Uint32Array.of(mib).buffer));
  for (let left = mib * MIB; left > 0; left -= buffer.length) send(fd, buffer);
  receive(fd, buffer, 0);
  close(fd);
}

function run({ do: what, ip, port: to, count }: PeerCall): Connections | number {
  const address = sockaddr(ip, to);
  return inside(() => {
    const start = performance.now();
    if (what === "throughput") {
      talk(address, count);
      return (count * MIB * 8) / (performance.now() - start) / 1e6;
    }
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const before = performance.now();
      talk(address, 0);
      times.push((performance.now() - before) * 1000);
    }
    return { median: summarize(times).median, perSecond: (count * 1000) / (performance.now() - start) };
  });
}

if (role === "serve") serve();
process.on("message", (call: PeerCall) => process.send?.(run(call)));
process.on("disconnect", () => process.exit(0));
