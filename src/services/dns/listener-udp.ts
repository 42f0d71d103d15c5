import { createSocket } from "node:dgram";
import type { SandboxId } from "../../model/ids.ts";
import type { Resolver } from "./resolver.ts";

export interface Listener {
  /** Closes the socket taken over and everything that came in by it. */
  close(): void;
}

/** Answers on a bound UDP socket opened by someone else. Throws if the descriptor is none; it is then still the caller's. */
export function listenUdp(
  fd: number,
  sandbox: SandboxId,
  parts: { readonly resolver: Resolver; readonly warn: (what: string, message: string) => void },
): Listener {
  const { resolver, warn } = parts;
  const socket = createSocket({
    type: "udp4",
    // Clients are on loopback and known by address: the default would go through a name lookup, a tick later each time.
    lookup: (address, _options, done) => done(null, address, 4),
  });
  let open = true;
  socket.on("message", (bytes, from) => {
    resolver.handle(bytes, {
      sandbox,
      stream: false,
      reply: (reply) => {
        if (open) socket.send(reply, from.port, from.address);
      },
    });
  });
  socket.on("error", (error) => warn("udp", `UDP socket of sandbox ${sandbox}: ${error.message}`));
  socket.bind({ fd });
  return {
    close() {
      if (!open) return;
      open = false;
      socket.close();
    },
  };
}
