import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { parseListeners, readListeners } from "./listening.ts";

test("parseListeners() reads the kernel's tables", () => {
  const header =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
  const row = (local: string, state: string): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0`;
  const tcp = [
    header,
    row("00000000:0050", "0A"),
    row("0100007F:1F90", "0A"),
    row("0200000A:0051", "01"),
    "",
  ];
  expect(parseListeners("tcp", tcp.join("\n"))).toEqual([
    { protocol: "tcp", port: 80, isLoopback: false },
    { protocol: "tcp", port: 8080, isLoopback: true },
  ]);
  const tcp6 = [
    header,
    row("00000000000000000000000000000000:0050", "0A"),
    row("00000000000000000000000001000000:0051", "0A"),
    row("0000000000000000FFFF00000100007F:0052", "0A"),
    row("0000000000000000FFFF00000200000A:0053", "0A"),
  ];
  expect(parseListeners("tcp", tcp6.join("\n")).map(({ isLoopback }) => isLoopback)).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(parseListeners("udp", [header, row("00000000:0035", "07")].join("\n"))).toEqual([
    { protocol: "udp", port: 53, isLoopback: false },
  ]);
  expect(parseListeners("tcp", "")).toEqual([]);
});

test("readListeners() sees sockets of a living process, and none of one that is gone", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  const socket = createSocket("udp6").bind(0);
  try {
    await Promise.all([once(server, "listening"), once(socket, "listening")]);
    const listeners = await readListeners(process.pid);
    const { port } = server.address() as AddressInfo;
    expect(listeners).toContainEqual({ protocol: "tcp", port, isLoopback: true });
    expect(listeners).toContainEqual({ protocol: "udp", port: socket.address().port, isLoopback: false });
    expect(await readListeners(4_999_999)).toEqual([]);
  } finally {
    server.close();
    socket.close();
  }
});
