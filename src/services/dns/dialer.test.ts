import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import { socketsHere } from "../../testkit/loopback-sockets.ts";
import { createUpstreamDialer, standardPort, type UpstreamConversation } from "./dialer.ts";

const server = "192.0.2.53" as Ip;
const loopback = "127.0.0.1" as Ip;
const query = Uint8Array.of(1, 2, 3, 4);

/** What came back, one entry a call, and a promise of the next. */
class Heard {
  readonly messages: string[] = [];
  readonly failures: string[] = [];
  #wake: () => void = () => undefined;
  readonly events = {
    message: (bytes: Uint8Array): void => {
      this.messages.push(Buffer.from(bytes).toString("hex"));
      this.#wake();
    },
    failed: (why: string): void => {
      this.failures.push(why);
      this.#wake();
    },
  };
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

let heard: Heard;
let conversation: UpstreamConversation | undefined;

beforeEach(() => {
  heard = new Heard();
  conversation = undefined;
});
afterEach(() => conversation?.close());

describe("by UDP", () => {
  let upstream: UdpSocket;
  beforeEach(async () => {
    upstream = createSocket("udp4");
    upstream.bind(0, "127.0.0.1");
    await once(upstream, "listening");
  });
  afterEach(() => {
    upstream.close();
  });

  const dial = (port: number): void => {
    conversation = createUpstreamDialer(() => ({ address: loopback, port }), socketsHere).udp(
      server,
      query,
      heard.events,
    );
  };

  test("a server that cannot be reached at all is a failure, not the end of the daemon", async () => {
    // The kernel refuses at once: a broadcast address without SO_BROADCAST (ip(7)), or no route to it.
    conversation = createUpstreamDialer(
      () => ({ address: "255.255.255.255" as Ip, port: 53 }),
      socketsHere,
    ).udp(server, query, heard.events);
    await heard.next();
    expect(heard.failures).toEqual([expect.stringMatching(/EACCES|ENETUNREACH/)]);
  });

  test("no socket to be had is a failure", async () => {
    const gone = (): never => {
      throw new Error("there is no namespace s1");
    };
    const dialer = createUpstreamDialer(standardPort, { udp: gone, tcp: gone });
    for (const transport of ["udp", "tcp"] as const) {
      const next = heard.next();
      dialer[transport](server, query, heard.events);
      await next;
    }
    expect(heard.failures).toEqual(["there is no namespace s1", "there is no namespace s1"]);
  });

  test("the query arrives, and its answer comes back", async () => {
    dial(upstream.address().port);
    const [received, from] = (await once(upstream, "message")) as [Buffer, AddressInfo];
    expect([...received]).toEqual([...query]);
    const next = heard.next();
    upstream.send(Uint8Array.of(9, 8), from.port, from.address);
    await next;
    expect(heard.messages).toEqual(["0908"]);
  });

  test("messages from any other port never do", async () => {
    dial(upstream.address().port);
    const [, from] = (await once(upstream, "message")) as [Buffer, AddressInfo];
    const stranger = createSocket("udp4");
    const next = heard.next();
    // On one socket the kernel keeps order: the stranger's would be there first.
    await new Promise<void>((resolve) => stranger.send("forged", from.port, from.address, () => resolve()));
    upstream.send(Uint8Array.of(7), from.port, from.address);
    await next;
    stranger.close();
    expect(heard.messages).toEqual(["07"]);
  });

  test("each query leaves from a port of its own", async () => {
    const port = upstream.address().port;
    const dialer = createUpstreamDialer(() => ({ address: loopback, port }), socketsHere);
    const ports = new Set<number>();
    const open: UpstreamConversation[] = [];
    const all = new Promise<void>((resolve) => {
      upstream.on("message", (_bytes, from) => {
        ports.add(from.port);
        if (ports.size === 5) resolve();
      });
    });
    for (let i = 0; i < 5; i++) open.push(dialer.udp(server, query, heard.events));
    await all;
    for (const each of open) each.close();
    expect(ports.size).toBe(5);
  });

  test("a port where nobody listens is told of at once", async () => {
    const port = upstream.address().port;
    const closed = once(upstream, "close");
    upstream.close();
    await closed;
    const next = heard.next();
    dial(port);
    await next;
    expect(heard.failures).toEqual([expect.stringContaining("ECONNREFUSED")]);
    upstream = createSocket("udp4");
  });

  test("nothing is heard after close()", async () => {
    dial(upstream.address().port);
    const [, from] = (await once(upstream, "message")) as [Buffer, AddressInfo];
    conversation?.close();
    conversation?.close();
    await new Promise<void>((resolve) => upstream.send("late", from.port, from.address, () => resolve()));
    expect([heard.messages, heard.failures]).toEqual([[], []]);
  });
});

describe("by TCP", () => {
  let upstream: Server;
  let accepted: Promise<Socket>;
  beforeEach(async () => {
    upstream = createServer();
    accepted = once(upstream, "connection").then(([socket]) => socket as Socket);
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const { port } = upstream.address() as AddressInfo;
    conversation = createUpstreamDialer(() => ({ address: loopback, port }), socketsHere).tcp(
      server,
      query,
      heard.events,
    );
  });
  afterEach(async () => {
    const closed = once(upstream, "close");
    upstream.close();
    (await accepted).destroy();
    await closed;
  });

  test("the query arrives with its length, and an answer cut anywhere comes back whole", async () => {
    const socket = await accepted;
    const [received] = (await once(socket, "data")) as [Buffer];
    expect([...received]).toEqual([0, 4, ...query]);
    const next = heard.next();
    socket.setNoDelay(true);
    for (const octet of [0, 3, 7, 8, 9]) {
      await new Promise<void>((resolve) => socket.write(Uint8Array.of(octet), () => resolve()));
    }
    await next;
    expect(heard.messages).toEqual(["070809"]);
  });

  test("a server that hangs up has failed", async () => {
    const socket = await accepted;
    const next = heard.next();
    socket.end();
    await next;
    expect(heard.failures).toEqual(["the server closed the connection"]);
  });

  test("nothing is heard after close()", async () => {
    const socket = await accepted;
    conversation?.close();
    await once(socket.resume(), "close");
    expect([heard.messages, heard.failures]).toEqual([[], []]);
  });
});

test("servers are on port 53", () => {
  expect(standardPort(server)).toEqual({ address: server, port: 53 });
});
