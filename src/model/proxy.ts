import type { Ip } from "../base/ip.ts";

/** One end of a conversation. */
export interface SocketAddress {
  readonly ip: Ip;
  readonly port: number;
}

/** Serves what comes in by held ports where no translation of addresses can: by sockets of this process. */
export interface PortServer {
  /** A TCP connection: a descriptor that the server now owns. */
  connection(fd: number): void;
  /** A UDP datagram; `reply` sends to who sent it. The bytes are the server's own. */
  datagram(bytes: Uint8Array, from: SocketAddress, reply: (bytes: Uint8Array) => void): void;
  /** Ends all that came in and is still under way. */
  close(): void;
}

/** The proxy as the engine drives it: a server for each published port, whose traffic goes to `target`. */
export interface PortProxy {
  open(target: SocketAddress): PortServer;
}
