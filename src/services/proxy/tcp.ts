import { Socket } from "node:net";
import { familyOf } from "../../base/ip.ts";
import type { SocketAddress } from "../../model/proxy.ts";
import type { HostSockets } from "./index.ts";

/** Joins connections to new ones to the target, byte for byte, each direction with its own end. */
export class TcpRelay {
  readonly #target: SocketAddress;
  readonly #sockets: Pick<HostSockets, "openTcp">;
  readonly #clients = new Set<Socket>();

  constructor(target: SocketAddress, sockets: Pick<HostSockets, "openTcp">) {
    this.#target = target;
    this.#sockets = sockets;
  }

  /** Takes the descriptor over. */
  take(fd: number): void {
    const client = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    client.setNoDelay(true);
    // "close" always follows, and that is where everything ends.
    client.on("error", () => undefined);
    client.pause();
    this.#clients.add(client);
    client.on("close", () => this.#clients.delete(client));
    let server: Socket;
    try {
      server = this.#dial();
    } catch {
      // No descriptor is left for it: refused as a full server would.
      client.resetAndDestroy();
      return;
    }
    server.on("error", () => undefined);
    server.on("connect", () => {
      client.pipe(server);
      server.pipe(client);
    });
    // Who is reset, or not there at all, is so for the other one, too; an orderly end has come through by itself.
    server.on("close", (failed) => (failed ? client.resetAndDestroy() : client.destroySoon()));
    client.on("close", (failed) => (failed ? server.resetAndDestroy() : server.destroySoon()));
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }

  #dial(): Socket {
    const { ip, port } = this.#target;
    const fd = this.#sockets.openTcp(familyOf(ip));
    // Reading starts with the connection: before it, the kernel would answer that there is nobody to read from. The option
    // has been Node's own since 0.10 and is in no type.
    const options: ConstructorParameters<typeof Socket>[0] & { manualStart: boolean } = {
      fd,
      manualStart: true,
      allowHalfOpen: true,
    };
    const server = new Socket(options);
    server.setNoDelay(true);
    server.connect({ host: ip, port });
    return server;
  }
}
