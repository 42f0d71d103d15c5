import { openSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import type { SandboxId } from "../../model/ids.ts";
import { READY, type Readiness } from "../../model/readiness.ts";
import type { StreamIo } from "../../model/streams.ts";
import { queryBytes } from "../../testkit/dns-message.ts";
import { ManualTime } from "../../testkit/manual-time.ts";
import { FixedNames } from "../../testkit/names.ts";
import { frameHeader, FrameReader, TYPE } from "../../wire/dns/index.ts";
import { Forwarder } from "./forwarder.ts";
import { DEFAULT_LIMITS as limits } from "./limits.ts";
import { listenTcp } from "./listener-tcp.ts";
import type { Listener } from "./listener.ts";
import { newCounters } from "./metrics.ts";
import { Resolver } from "./resolver.ts";

/** A socket as the test says it is; the descriptor is real, so that closing it is. */
class FakeSocket {
  readonly fd: number = openSync("/dev/null", "r");
  /** Octets to be read; `closed`: the other side has closed after them. */
  readonly arriving: Uint8Array[] = [];
  closed = false;
  /** Octets it takes before it is full. */
  room = 0;
  readonly sent: number[] = [];
}

let time: ManualTime;
let waiting: (number | "full")[];
let sockets: Map<number, FakeSocket>;
let watched: Map<number, { events: number; tell: (events: number) => void }>;
let listener: Listener;
let listening: number;

const readiness: Readiness = {
  add: (fd, events, tell) => void watched.set(fd, { events, tell }),
  change(fd, events) {
    const one = watched.get(fd);
    if (one !== undefined) one.events = events;
  },
  remove: (fd) => void watched.delete(fd),
  afterwards: () => undefined,
};

const streams: StreamIo = {
  accept: () => waiting.shift() ?? "none",
  receive(fd, into) {
    const socket = sockets.get(fd);
    const piece = socket?.arriving.shift();
    if (piece === undefined) return socket?.closed === true ? 0 : -1;
    into.set(piece);
    return piece.length;
  },
  send(fd, bytes) {
    const socket = sockets.get(fd) as FakeSocket;
    const taken = Math.min(socket.room, bytes.length);
    socket.sent.push(...bytes.subarray(0, taken));
    socket.room -= taken;
    return taken;
  },
};

beforeEach(() => {
  time = new ManualTime();
  waiting = [];
  sockets = new Map();
  watched = new Map();
  const common = {
    limits,
    responder: { allocate: (size: number) => new Uint8Array(size), udpSize: 1232 },
    warn: () => undefined,
  };
  const forwarder = new Forwarder({
    ...{ ...common, clock: time, timers: time, randomId: () => 1 },
    dialerIn: () => {
      throw new Error("nobody is asked outside");
    },
  });
  const names = new FixedNames({ web: ["10.0.0.2"] }, []);
  listening = openSync("/dev/null", "r");
  listener = listenTcp(listening, {
    ...{ sandbox: "s1" as SandboxId, counters: newCounters(), readiness, streams, timers: time, limits },
    resolver: new Resolver({ ...common, forwarder, names }),
  });
});

/** A client that connects. */
function connect(room: number): FakeSocket {
  const socket = new FakeSocket();
  socket.room = room;
  sockets.set(socket.fd, socket);
  waiting.push(socket.fd);
  watched.get(listening)?.tell(READY.IN);
  return socket;
}

function ask(socket: FakeSocket, id: number): void {
  const query = queryBytes("web", TYPE.A, { id });
  socket.arriving.push(Buffer.concat([frameHeader(query.length), query]));
}

const idsSent = ({ sent }: FakeSocket): number[] =>
  (new FrameReader(65535).push(Uint8Array.from(sent)) ?? []).map((bytes) => bytes[1] as number);

test("a client that reads none of its answers gets to ask no more until it does", () => {
  const socket = connect(30);
  for (const id of [1, 2]) ask(socket, id);
  const state = watched.get(socket.fd);
  state?.tell(READY.IN);
  expect([state?.events, socket.arriving.length, idsSent(socket)]).toEqual([READY.OUT, 1, []]);
  socket.room = 1000;
  state?.tell(READY.OUT);
  expect([state?.events, idsSent(socket)]).toEqual([READY.IN, [1]]);
  state?.tell(READY.IN);
  expect(idsSent(socket)).toEqual([1, 2]);
  listener.close();
  expect([watched.size, time.pending]).toEqual([0, 0]);
});

test("one that has closed its side is waited for until its answers are gone, and never read again", () => {
  const socket = connect(30);
  ask(socket, 1);
  socket.closed = true;
  const state = watched.get(socket.fd);
  state?.tell(READY.IN);
  expect(state?.events).toBe(READY.OUT);
  socket.room = 1000;
  state?.tell(READY.OUT);
  state?.tell(READY.IN);
  expect([idsSent(socket), watched.has(socket.fd), time.pending]).toEqual([[1], false, 0]);
  listener.close();
});

test("without room for connections in the process none is accepted for 100 ms", () => {
  waiting.push("full");
  watched.get(listening)?.tell(READY.IN);
  expect(watched.has(listening)).toBe(false);
  time.advance(99);
  expect(watched.has(listening)).toBe(false);
  time.advance(1);
  const socket = connect(1000);
  ask(socket, 7);
  watched.get(socket.fd)?.tell(READY.IN);
  expect(idsSent(socket)).toEqual([7]);
  waiting.push("full");
  watched.get(listening)?.tell(READY.IN);
  listener.close();
  expect([watched.size, time.pending]).toEqual([0, 0]);
});
