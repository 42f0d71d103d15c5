import {
  AF,
  connectSocket,
  receive,
  send,
  setSocketOptionBytes,
  SO,
  SOCK,
  socket,
  SOL,
} from "../../src/kernel/libc.ts";
import { sockaddr } from "../../src/kernel/sockaddr.ts";
import type { Ip } from "../../src/base/ip.ts";
import { encodeMessage, parseDnsName } from "../../src/wire/dns/index.ts";

/** A blocking UDP socket to a name server, in the thread's present namespace. A reply that takes a second is lost. */
export function openClient(server: Ip): number {
  const fd = socket(AF.INET, SOCK.DGRAM, 0);
  connectSocket(fd, sockaddr(server, 53), `${server} port 53`);
  // struct timeval: seconds, microseconds.
  setSocketOptionBytes(fd, SOL.SOCKET, SO.RCVTIMEO, new Uint8Array(BigInt64Array.of(1n, 0n).buffer));
  return fd;
}

export interface Latency {
  /** Microseconds. */
  readonly median: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** A query for an address of each name, as the C library sends it; the first two octets are to be written over. */
export function queriesFor(names: readonly string[]): Uint8Array[] {
  return names.map((name) =>
    encodeMessage({
      id: 0,
      response: false,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      reserved: false,
      authenticData: false,
      checkingDisabled: false,
      rcode: 0,
      questions: [{ name: parseDnsName(name, "name", "bench"), type: 1, class: 1 }],
      answers: [],
      authorities: [],
      additionals: [],
      edns: undefined,
    }),
  );
}

/** Asks through sockets in turn, about names in turn, and checks that each reply is one and has an address. */
export class DnsLoad {
  readonly #sockets: readonly number[];
  readonly #queries: readonly Uint8Array[];
  readonly #reply = new Uint8Array(4096);
  #sent = 0;

  constructor(sockets: readonly number[], queries: readonly Uint8Array[]) {
    this.#sockets = sockets;
    this.#queries = queries;
  }

  /** One question after another. */
  oneByOne(count: number): Latency {
    const times = new Float64Array(count);
    const begun = performance.now();
    for (let i = 0; i < count; i++) {
      const from = performance.now();
      this.#receive(this.#send());
      times[i] = performance.now() - from;
    }
    const seconds = (performance.now() - begun) / 1000;
    times.sort();
    const at = (share: number): number => (times[Math.ceil(share * count) - 1] ?? Number.NaN) * 1000;
    return { median: at(0.5), p99: at(0.99), perSecond: count / seconds };
  }

  /** So many questions under way all the time; gives answers a second. */
  saturate(count: number, outstanding: number): number {
    const waiting = new Int32Array(outstanding);
    const begun = performance.now();
    for (let i = 0; i < count + outstanding; i++) {
      const slot = i % outstanding;
      if (i >= outstanding) this.#receive(waiting[slot] as number);
      if (i < count) waiting[slot] = this.#send();
    }
    return count / ((performance.now() - begun) / 1000);
  }

  /** The socket it went through. */
  #send(): number {
    const number = this.#sent++;
    const query = this.#queries[number % this.#queries.length] as Uint8Array;
    query[0] = number >> 8;
    query[1] = number;
    const fd = this.#sockets[number % this.#sockets.length] as number;
    send(fd, query);
    return fd;
  }

  #receive(fd: number): void {
    const reply = this.#reply;
    const size = receive(fd, reply, 0);
    if (size < 0) throw new Error("a reply was lost");
    const [rcode, answers] = [(reply[3] as number) & 0xf, reply[7] as number];
    if (rcode !== 0 || answers !== 1) throw new Error(`a reply with code ${rcode} and ${answers} addresses`);
  }
}
