import { execFile } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readdirSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import type { SandboxId } from "../../model/ids.ts";
import { aRecord, queryBytes } from "../../testkit/dns-message.ts";
import { newSocketIo, openLoopbackSockets, socketsHere } from "../../testkit/loopback-sockets.ts";
import { ManualTime } from "../../testkit/manual-time.ts";
import { FixedNames } from "../../testkit/names.ts";
import {
  decodeMessage,
  encodeMessage,
  frameHeader,
  FrameReader,
  RCODE,
  TYPE,
  type DnsMessage,
} from "../../wire/dns/index.ts";
import { createUpstreamDialer } from "./dialer.ts";
import { DEFAULT_LIMITS, type ResolverLimits } from "./limits.ts";
import { type Counters, newCounters } from "./metrics.ts";
import { createRandomIds } from "./random.ts";
import { createDnsService, type DnsService } from "./service.ts";

const sandbox = "s1" as SandboxId;
const loopback = "127.0.0.1" as Ip;

let names: FixedNames;
let time: ManualTime;
let service: DnsService;
let io: ReturnType<typeof newSocketIo>;
let counters: Counters;
let port: number;
let upstreamPort = 0;
const clients = new Set<{ destroy(): void }>();

function begin(limits: Partial<ResolverLimits> = {}): void {
  io = newSocketIo();
  counters = newCounters();
  service = createDnsService({
    names,
    ...io,
    clock: time,
    timers: time,
    dialerIn: () => createUpstreamDialer(() => ({ address: loopback, port: upstreamPort }), socketsHere),
    randomId: createRandomIds(),
    limits: { ...DEFAULT_LIMITS, ...limits },
    log: { warn: () => undefined },
  });
  const sockets = openLoopbackSockets();
  port = sockets.port;
  service.start(sandbox, sockets, counters);
}

beforeEach(() => {
  names = new FixedNames({ web: ["10.0.0.2"] }, []);
  time = new ManualTime();
});

afterEach(async () => {
  service.close();
  io.readiness.close();
  await io.readiness.settled();
  for (const client of clients) client.destroy();
  clients.clear();
});

async function udpClient(): Promise<UdpSocket> {
  const socket = createSocket("udp4");
  clients.add({ destroy: () => socket.close() });
  socket.connect(port, loopback);
  await once(socket, "connect");
  return socket;
}

async function askUdp(socket: UdpSocket, query: Uint8Array): Promise<DnsMessage> {
  const reply = once(socket, "message");
  socket.send(query);
  const [bytes] = (await reply) as [Buffer];
  return decodeMessage(bytes);
}

async function tcpClient(): Promise<Socket> {
  const socket = connect({ port, host: loopback, allowHalfOpen: true, noDelay: true });
  clients.add(socket);
  await once(socket, "connect");
  return socket;
}

const framed = (bytes: Uint8Array): Buffer => Buffer.concat([frameHeader(bytes.length), bytes]);
const written = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => void socket.write(bytes, () => resolve()));

/** Reads until so many messages are there. */
async function replies(socket: Socket, count: number): Promise<DnsMessage[]> {
  const frames = new FrameReader(65535);
  const messages: DnsMessage[] = [];
  while (messages.length < count) {
    const [piece] = (await once(socket, "data")) as [Buffer];
    messages.push(...(frames.push(piece) ?? []).map(decodeMessage));
  }
  return messages;
}

const addressOf = (reply: DnsMessage): unknown =>
  reply.answers.map((r) => "address" in r.data && r.data.address);

describe("by UDP", () => {
  test("answers from the moment start() returns, to many clients on one socket", async () => {
    begin();
    const [one, two] = [await udpClient(), await udpClient()];
    const answers = await Promise.all([
      askUdp(one, queryBytes("web", TYPE.A, { id: 1 })),
      askUdp(two, queryBytes("WEB", TYPE.A, { id: 2 })),
    ]);
    expect(answers.map((reply) => [reply.id, addressOf(reply)])).toEqual([
      [1, ["10.0.0.2"]],
      [2, ["10.0.0.2"]],
    ]);
    expect(counters.read()).toMatchObject({ queries: 2, local: 2 });
  });

  test("asks the server outside and passes its answer on", async () => {
    const upstream = createSocket("udp4");
    clients.add({ destroy: () => upstream.close() });
    upstream.bind(0, loopback);
    await once(upstream, "listening");
    upstreamPort = upstream.address().port;
    upstream.on("message", (bytes, from) => {
      const query = decodeMessage(bytes);
      const reply = { ...query, response: true, answers: [aRecord("example.com", 300, "198.51.100.1")] };
      upstream.send(encodeMessage(reply), from.port, from.address);
    });
    names.upstreamServers = [loopback];
    begin();
    const client = await udpClient();
    expect(addressOf(await askUdp(client, queryBytes("example.com")))).toEqual(["198.51.100.1"]);
    expect(addressOf(await askUdp(client, queryBytes("example.com")))).toEqual(["198.51.100.1"]);
    expect(counters.read()).toMatchObject({ forwarded: 1, cacheHits: 1, upstreamQueries: 1 });
    expect(time.pending).toBe(0);
  });

  test("answers a burst to several sandboxes, each question where it came from, those from outside when they are there", async () => {
    const upstream = createSocket("udp4");
    clients.add({ destroy: () => upstream.close() });
    upstream.bind(0, loopback);
    await once(upstream, "listening");
    upstreamPort = upstream.address().port;
    const asked: (() => void)[] = [];
    upstream.on("message", (bytes, from) => {
      const query = decodeMessage(bytes);
      const name = query.questions[0]?.name ?? "";
      // The last octet of the answer is the name's number.
      const answers = [aRecord(name, 300, `198.51.100.${name.split(".")[0]}`)];
      const reply = encodeMessage({ ...query, response: true, answers });
      asked.push(() => upstream.send(reply, from.port, from.address));
      // All at once, when the questions are long forgotten.
      if (asked.length === 40) for (const answer of asked) answer();
    });
    names.upstreamServers = [loopback];
    begin();
    const other = openLoopbackSockets();
    service.start("s2" as SandboxId, other, counters);
    const sockets = [await udpClient(), await udpClient()];
    port = other.port;
    sockets.push(await udpClient(), await udpClient());
    const got = await Promise.all(
      sockets.map(async (socket, s) => {
        const heard = new Map<number, unknown>();
        const all = new Promise<void>((resolve) => {
          socket.on("message", (bytes) => {
            const reply = decodeMessage(bytes);
            heard.set(reply.id, addressOf(reply));
            if (heard.size === 60) resolve();
          });
        });
        for (let i = 0; i < 60; i++) {
          const outside = i % 6 === 0;
          socket.send(queryBytes(outside ? `${s * 60 + i}.example` : "web", TYPE.A, { id: s * 60 + i }));
        }
        await all;
        return heard;
      }),
    );
    got.forEach((heard, s) => {
      for (let i = 0; i < 60; i++) {
        const id = s * 60 + i;
        expect(heard.get(id)).toEqual([i % 6 === 0 ? `198.51.100.${id}` : "10.0.0.2"]);
      }
    });
    expect(counters.read()).toMatchObject({ queries: 240, local: 200, forwarded: 40, malformed: 0 });
  });

  test("says SERVFAIL when nobody listens there", async () => {
    const gone = createServer();
    gone.listen(0, loopback);
    await once(gone, "listening");
    upstreamPort = (gone.address() as AddressInfo).port;
    gone.close();
    names.upstreamServers = [loopback];
    begin();
    expect((await askUdp(await udpClient(), queryBytes("example.com"))).rcode).toBe(RCODE.SERVFAIL);
  });
});

describe("by TCP", () => {
  test("answers many queries sent without waiting", async () => {
    begin();
    const socket = await tcpClient();
    const ids = Array.from({ length: 200 }, (_, i) => i);
    socket.write(Buffer.concat(ids.map((id) => framed(queryBytes("web", TYPE.A, { id })))));
    const got = await replies(socket, 200);
    expect(got.map((reply) => reply.id)).toEqual(ids);
  });

  test("takes queries cut anywhere, also through the length", async () => {
    begin();
    const socket = await tcpClient();
    for (const octet of framed(queryBytes("web"))) await written(socket, Uint8Array.of(octet));
    expect(addressOf((await replies(socket, 1))[0]!)).toEqual(["10.0.0.2"]);
  });

  test("gives a client that has closed its side what it still has to get", async () => {
    begin();
    const socket = await tcpClient();
    const all = replies(socket, 2);
    socket.end(
      Buffer.concat([
        framed(queryBytes("web", TYPE.A, { id: 1 })),
        framed(queryBytes("web", TYPE.A, { id: 2 })),
      ]),
    );
    expect((await all).map((reply) => reply.id)).toEqual([1, 2]);
    await once(socket, "end");
  });

  test("closes a connection without whole messages after 10 s, not before", async () => {
    begin();
    const socket = await tcpClient();
    socket.write(framed(queryBytes("web")));
    await replies(socket, 1);
    time.advance(9999);
    // A message begun is no message.
    await written(socket, Uint8Array.of(0));
    socket.write(framed(queryBytes("web")).subarray(1));
    await replies(socket, 1);
    time.advance(9999);
    expect(socket.readyState).toBe("open");
    const closed = once(socket, "end");
    time.advance(1);
    await closed;
  });

  test("closes a connection whose message is too long", async () => {
    begin();
    const socket = await tcpClient();
    const closed = once(socket.resume(), "end");
    socket.write(frameHeader(5000));
    await closed;
  });

  test("takes so many connections at a time", async () => {
    begin({ connections: 2 });
    const [one, two] = [await tcpClient(), await tcpClient()];
    one.write(framed(queryBytes("web")));
    two.write(framed(queryBytes("web")));
    await Promise.all([replies(one, 1), replies(two, 1)]);
    const three = await tcpClient();
    await once(three.resume(), "end");
    const closed = once(one.resume(), "end");
    one.end();
    await closed;
    const four = await tcpClient();
    four.write(framed(queryBytes("web")));
    await replies(four, 1);
  });
});

describe("stop()", () => {
  const openFds = (): number => readdirSync("/proc/self/fd").length;

  test("closes both sockets and every connection; a second time does nothing", async () => {
    begin();
    const socket = await tcpClient();
    socket.write(framed(queryBytes("web")));
    await replies(socket, 1);
    const ended = once(socket.resume(), "end");
    service.stop(sandbox);
    await ended;
    service.stop(sandbox);
    service.stop("never started" as SandboxId);
    const refused = connect({ port, host: loopback });
    const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    // The port is free again, by both: so nothing holds it.
    const udp = createSocket("udp4");
    udp.bind(port, loopback);
    await once(udp, "listening");
    udp.close();
    expect(time.pending).toBe(0);
  });

  test("leaves no descriptor behind, whatever happened before", async () => {
    begin();
    service.stop(sandbox);
    const client = await udpClient();
    client.close();
    clients.clear();
    await once(client, "close");
    const before = openFds();
    for (let i = 0; i < 50; i++) {
      service.start(sandbox, openLoopbackSockets(), counters);
      service.stop(sandbox);
    }
    expect(openFds()).toBe(before);
  });
});

describe("start()", () => {
  test("refuses descriptors that are no sockets, and closes them", () => {
    begin();
    const other = "s2" as SandboxId;
    for (const wrong of ["udpFd", "tcpFd"] as const) {
      const sockets = openLoopbackSockets();
      closeSync(sockets[wrong]);
      const file = openSync("/dev/null", "r");
      const given = { ...sockets, [wrong]: file };
      expect(() => service.start(other, given, counters)).toThrow(
        new RegExp(`^descriptor ${file} cannot serve the resolver`),
      );
      for (const fd of [given.udpFd, given.tcpFd]) expect(() => fstatSync(fd)).toThrow("EBADF");
    }
  });
});

describe("dig", () => {
  const run = promisify(execFile);
  const dig = async (...args: string[]): Promise<string> =>
    (await run("dig", [`@${loopback}`, "-p", String(port), "+tries=1", "+time=3", ...args])).stdout;

  test("shows what we answer, with EDNS, by UDP and TCP, and asks again by TCP after TC", async (context) => {
    const there = await run("dig", ["-v"]).then(
      () => true,
      () => false,
    );
    if (!there) context.skip("needs the command dig (Debian: bind9-dnsutils)");
    names.names.set(
      "many",
      Array.from({ length: 200 }, (_, i) => `10.1.0.${i}` as never),
    );
    begin();
    expect(await dig("+short", "web")).toBe("10.0.0.2\n");
    const full = await dig("WEB.", "A");
    expect(full).toMatch(/status: NOERROR/);
    expect(full).toMatch(/flags: qr aa rd ra;/);
    expect(full).toMatch(/EDNS: version: 0, flags:; udp: 1232/);
    expect(full).toMatch(/^WEB\.\t+600\tIN\tA\t10\.0\.0\.2$/m);
    expect(full).not.toMatch(/Warning|malformed|mismatch/i);
    expect(await dig("+short", "+tcp", "web")).toBe("10.0.0.2\n");
    expect(await dig("+short", "-x", "10.0.0.2")).toBe("web.net.\n");
    expect(await dig("nothing.example")).toMatch(/status: NXDOMAIN/);
    expect(await dig("web", "MX")).toMatch(/status: NOERROR[^]*ANSWER: 0/);
    expect(await dig("+opcode=status", "web")).toMatch(/status: NOTIMP/);
    expect(await dig("+edns=1", "+noednsnegotiation", "web")).toMatch(/status: BADVERS/);
    const many = await dig("+noedns", "many");
    expect(many).toMatch(/Truncated, retrying in TCP mode/);
    expect(many).toMatch(/ANSWER: 200/);
  });
});
