import { createSocket, type Socket } from "node:dgram";
import { familyOf } from "../../base/ip.ts";
import type { SocketAddress } from "../../model/proxy.ts";
import type { HostSockets } from "./index.ts";

export interface UdpLimits {
  /** A client is forgotten when nothing came or went for so long. */
  readonly idleMs: number;
  /** Clients of one port; the one idle for longest makes room. */
  readonly clients: number;
  /** Datagrams of one client that wait for its socket. */
  readonly waiting: number;
}

interface Client {
  readonly socket: Socket;
  /** What came before the socket was connected; undefined afterwards. */
  waiting: Uint8Array[] | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Sends what each client sends by a socket of its own, by which answers find back. */
export class UdpRelay {
  readonly #target: SocketAddress;
  readonly #sockets: Pick<HostSockets, "openUdp">;
  readonly #limits: UdpLimits;
  /** By address and port; the one heard of last comes last. */
  readonly #clients = new Map<string, Client>();

  constructor(target: SocketAddress, sockets: Pick<HostSockets, "openUdp">, limits: UdpLimits) {
    this.#target = target;
    this.#sockets = sockets;
    this.#limits = limits;
  }

  take(bytes: Uint8Array, from: SocketAddress, reply: (bytes: Uint8Array) => void): void {
    const key = `${from.ip} ${from.port}`;
    const client = this.#clients.get(key) ?? this.#open(key, reply);
    if (client === undefined) return;
    this.#touch(key, client);
    if (client.waiting === undefined) client.socket.send(bytes);
    else if (client.waiting.length < this.#limits.waiting) client.waiting.push(bytes);
  }

  close(): void {
    for (const key of this.#clients.keys()) this.#drop(key);
  }

  /** Undefined when no descriptor is left for it: the datagram is lost, as on a full network. */
  #open(key: string, reply: (bytes: Uint8Array) => void): Client | undefined {
    const { ip, port } = this.#target;
    const family = familyOf(ip);
    let fd: number;
    try {
      fd = this.#sockets.openUdp(family);
    } catch {
      return undefined;
    }
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      // Addresses are no names: nothing is looked up.
      lookup: (text, _options, done) => done(null, text, family),
    });
    const client: Client = { socket, waiting: [], timer: undefined };
    this.#clients.set(key, client);
    socket.on("message", (bytes) => {
      this.#touch(key, client);
      reply(bytes);
    });
    // Nobody listens there now. Somebody may later, and the client asks again then as it would of the port itself.
    socket.on("error", () => undefined);
    // Not as a callback of `connect`: Node calls that for a failure too, instead of the listener above.
    socket.on("connect", () => {
      const waiting = client.waiting ?? [];
      client.waiting = undefined;
      for (const bytes of waiting) socket.send(bytes);
    });
    socket.bind({ fd });
    socket.connect(port, ip);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > this.#limits.clients && oldest !== undefined) this.#drop(oldest);
    return client;
  }

  #touch(key: string, client: Client): void {
    clearTimeout(client.timer);
    client.timer = setTimeout(() => this.#drop(key), this.#limits.idleMs);
    client.timer.unref();
    this.#clients.delete(key);
    this.#clients.set(key, client);
  }

  #drop(key: string): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    this.#clients.delete(key);
    clearTimeout(client.timer);
    client.socket.close();
  }
}
