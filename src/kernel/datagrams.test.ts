import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import { Datagrams } from "./datagrams.ts";
import { AF, bindSocket, close, SOCK, socket, socketName } from "./libc.ts";
import { portOf, sockaddr } from "./sockaddr.ts";

let io: Datagrams;
let fds: number[];
let clients: Socket[];

beforeEach(() => {
  io = new Datagrams();
  fds = [];
  clients = [];
});
afterEach(() => {
  for (const fd of fds) close(fd);
  for (const client of clients) client.close();
});

function open(ip: string): { fd: number; port: number } {
  const fd = socket(ip.includes(":") ? AF.INET6 : AF.INET, SOCK.DGRAM | SOCK.NONBLOCK, 0);
  fds.push(fd);
  bindSocket(fd, sockaddr(ip as Ip, 0), ip);
  return { fd, port: portOf(socketName(fd)) };
}

/** A client, and what it has heard. */
async function client(
  ip: string,
): Promise<{ socket: Socket; heard: string[]; hears: (n: number) => Promise<void> }> {
  const one = createSocket(ip.includes(":") ? "udp6" : "udp4");
  clients.push(one);
  const heard: string[] = [];
  one.on("message", (bytes: Buffer, _from: RemoteInfo) => heard.push(bytes.toString("latin1")));
  one.bind(0, ip);
  await once(one, "listening");
  return {
    socket: one,
    heard,
    async hears(n) {
      while (heard.length < n) await once(one, "message");
    },
  };
}

const sendAll = async (from: Socket, ip: string, port: number, texts: readonly string[]): Promise<void> => {
  for (const text of texts) await new Promise<void>((sent) => from.send(text, port, ip, () => sent()));
};

test.each(["127.0.0.1", "::1"])("messages from several clients at %s get each its own answer", async (ip) => {
  const { fd, port } = open(ip);
  const [a, b] = [await client(ip), await client(ip)];
  await sendAll(a.socket, ip, port, ["a0", "a1"]);
  await sendAll(b.socket, ip, port, ["b0", "b1"]);
  expect(io.receive(fd, 64)).toBe(4);
  const texts = Array.from({ length: 4 }, (_, i) => Buffer.from(io.message(i)).toString("latin1"));
  expect(texts).toEqual(["a0", "a1", "b0", "b1"]);
  // Not to the first: it is answered later, when the memory has been used for others.
  const late = io.sender(0);
  for (const i of [3, 1, 2]) io.answer(i, Buffer.from(`re ${texts[i]}`));
  io.send();
  await Promise.all([a.hears(1), b.hears(2)]);
  await sendAll(b.socket, ip, port, ["b2"]);
  expect(io.receive(fd, 64)).toBe(1);
  io.sendTo(fd, Buffer.from("re a0"), late);
  await a.hears(2);
  expect([a.heard, b.heard]).toEqual([
    ["re a1", "re a0"],
    ["re b1", "re b0"],
  ]);
});

test("families may take turns: each has all the room its addresses need", async () => {
  const [four, six] = [open("127.0.0.1"), open("::1")];
  const [a, b] = [await client("127.0.0.1"), await client("::1")];
  for (let round = 1; round <= 3; round++) {
    for (const [from, to, ip] of [
      [a, four, "127.0.0.1"],
      [b, six, "::1"],
    ] as const) {
      await sendAll(from.socket, ip, to.port, ["?"]);
      expect(io.receive(to.fd, 64)).toBe(1);
      io.answer(0, Buffer.from(String(round)));
      io.send();
      await from.hears(round);
    }
  }
  expect([a.heard, b.heard]).toEqual([
    ["1", "2", "3"],
    ["1", "2", "3"],
  ]);
});

test("more than fit are taken the next time, one too long is cut, and none is none", async () => {
  const { fd, port } = open("127.0.0.1");
  const a = await client("127.0.0.1");
  await sendAll(
    a.socket,
    "127.0.0.1",
    port,
    Array.from({ length: 70 }, (_, i) => (i === 69 ? "x".repeat(5000) : String(i))),
  );
  expect([io.receive(fd, 1), io.receive(fd, 100), io.receive(fd, 1), io.room]).toEqual([1, 63, 0, 0]);
  io.send();
  expect([io.taken, io.room]).toEqual([0, 64]);
  expect(io.receive(fd, 64)).toBe(6);
  expect(Buffer.from(io.message(0)).toString()).toBe("64");
  expect(io.message(5)).toHaveLength(4096);
  expect(io.receive(fd, 64)).toBe(0);
});

test("a batch of several sockets: each message is answered by the socket it came to", async () => {
  const [one, two] = [open("127.0.0.1"), open("127.0.0.1")];
  const a = await client("127.0.0.1");
  const from: number[] = [];
  a.socket.on("message", (_bytes, { port }) => from.push(port));
  await sendAll(a.socket, "127.0.0.1", one.port, ["1a", "1b"]);
  await sendAll(a.socket, "127.0.0.1", two.port, ["2a"]);
  expect([io.receive(one.fd, 1), io.receive(two.fd, 1), io.receive(one.fd, 1), io.taken]).toEqual([
    1, 1, 1, 3,
  ]);
  for (let i = 0; i < 3; i++) io.answer(i, Buffer.from(`re ${Buffer.from(io.message(i)).toString()}`));
  io.send();
  await a.hears(3);
  expect(a.heard).toEqual(["re 1a", "re 2a", "re 1b"]);
  expect(from).toEqual([one.port, two.port, one.port]);
});

test("an answer that cannot be sent holds up no other", async () => {
  const [lost, fine] = [open("127.0.0.1"), open("127.0.0.1")];
  const a = await client("127.0.0.1");
  await sendAll(a.socket, "127.0.0.1", lost.port, ["0", "1"]);
  await sendAll(a.socket, "127.0.0.1", fine.port, ["2"]);
  expect([io.receive(lost.fd, 64), io.receive(fine.fd, 64)]).toEqual([2, 1]);
  for (let i = 0; i < 3; i++) io.answer(i, Buffer.from(`answer ${i}`));
  close(lost.fd);
  fds.splice(fds.indexOf(lost.fd), 1);
  io.send();
  await a.hears(1);
  expect(a.heard).toEqual(["answer 2"]);
  expect(() => io.answer(0, new Uint8Array(4097))).toThrow("4097 octets are more than 4096");
});
