import { createSocket } from "node:dgram";
import { Socket, type SocketConstructorOpts } from "node:net";
import { errorText } from "../../base/errors.ts";
import { type Family, familyOf, type Ip } from "../../base/ip.ts";
import type { NetnsKey } from "../../model/ops.ts";
import { frameHeader, FrameReader } from "../../wire/dns/index.ts";

/** What comes back from a server. Nothing is called after `close()`, and nothing before the call that opened returns. */
export interface UpstreamEvents {
  /** Any message from the server, unchecked. */
  message(bytes: Uint8Array): void;
  /** No more will come. */
  failed(why: string): void;
}

export interface UpstreamConversation {
  close(): void;
}

/** Opens descriptors in namespaces; throws what the kernel says, or `not_found` for a namespace that is gone. */
export interface NamespaceSockets {
  /** A UDP socket bound to a free port of all addresses. */
  openUdp(netns: NetnsKey, family: Family): number;
  /** A TCP socket, neither bound nor connected. */
  openTcp(netns: NetnsKey, family: Family): number;
}

/**
 * Holds conversations with upstream servers, by sockets that stay in the namespace where they were opened. Each
 * conversation has a socket of its own, and so a source port of its own that an attacker must guess besides the id
 * (RFC 5452 section 9.2).
 */
export interface UpstreamDialer {
  /** Sends one query by UDP. Messages from other addresses or ports than the server's never arrive. */
  udp(server: Ip, query: Uint8Array, events: UpstreamEvents): UpstreamConversation;
  /** Sends one query by TCP; messages arrive without their length octets. */
  tcp(server: Ip, query: Uint8Array, events: UpstreamEvents): UpstreamConversation;
}

const MAX_MESSAGE = 0xffff;

/** Where a server is reached; `port` is 53 but for tests. */
export interface UpstreamAddress {
  readonly address: Ip;
  readonly port: number;
}

/** The same of one namespace. */
export interface Sockets {
  udp(family: Family): number;
  tcp(family: Family): number;
}

export function createUpstreamDialer(
  addressOf: (server: Ip) => UpstreamAddress,
  sockets: Sockets,
): UpstreamDialer {
  const orFailed = (events: UpstreamEvents, dial: () => UpstreamConversation): UpstreamConversation => {
    try {
      return dial();
    } catch (error) {
      return failedConversation(events, errorText(error));
    }
  };
  return {
    udp: (server, query, events) =>
      orFailed(events, () => dialUdp(sockets, addressOf(server), query, events)),
    tcp: (server, query, events) =>
      orFailed(events, () => dialTcp(sockets, addressOf(server), query, events)),
  };
}

/** There was no socket to be had: out of descriptors, or the sandbox is gone. */
function failedConversation(events: UpstreamEvents, why: string): UpstreamConversation {
  let open = true;
  queueMicrotask(() => {
    if (open) events.failed(why);
  });
  return {
    close() {
      open = false;
    },
  };
}

/** Servers on the port where servers are. */
export const standardPort = (server: Ip): UpstreamAddress => ({ address: server, port: 53 });

function dialUdp(
  sockets: Sockets,
  { address, port }: UpstreamAddress,
  query: Uint8Array,
  events: UpstreamEvents,
): UpstreamConversation {
  const family = familyOf(address);
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    // Addresses are no names: nothing is looked up.
    lookup: (text, _options, done) => done(null, text, family),
  });
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    socket.close();
  };
  const fail = (error: Error): void => {
    // No route is reported while connecting, before the caller has the conversation in hand.
    queueMicrotask(() => {
      if (!open) return;
      close();
      events.failed(error.message);
    });
  };
  socket.on("message", (bytes) => {
    if (open) events.message(bytes);
  });
  // On a connected socket the kernel reports "port unreachable" here, well before any time-out.
  socket.on("error", fail);
  // Not as a callback of `connect`: Node calls that for a failure too (no route), instead of the listener above.
  socket.on("connect", () => {
    if (open) socket.send(query);
  });
  socket.bind({ fd: sockets.udp(family) });
  // Connected: the kernel drops what comes from anyone but the server.
  socket.connect(port, address);
  return { close };
}

function dialTcp(
  sockets: Sockets,
  { address, port }: UpstreamAddress,
  query: Uint8Array,
  events: UpstreamEvents,
): UpstreamConversation {
  // Reading starts with the connection: before it, the kernel would answer that there is nobody to read from. The option
  // has been Node's own since 0.10 and is in no type.
  const options: SocketConstructorOpts & { manualStart: boolean } = {
    fd: sockets.tcp(familyOf(address)),
    manualStart: true,
  };
  const socket = new Socket(options);
  const frames = new FrameReader(MAX_MESSAGE);
  let open = true;
  const close = (): void => {
    open = false;
    socket.destroy();
  };
  const fail = (why: string): void => {
    if (!open) return;
    close();
    events.failed(why);
  };
  socket.on("error", (error) => fail(error.message));
  socket.on("close", () => fail("the server closed the connection"));
  socket.on("data", (piece: Buffer) => {
    for (const message of frames.push(piece) ?? []) if (open) events.message(message);
  });
  socket.setNoDelay(true);
  socket.connect({ host: address, port });
  // One segment: some servers take a length that comes alone for a broken query (RFC 7766 section 8).
  socket.write(Buffer.concat([frameHeader(query.length), query]));
  return { close };
}
