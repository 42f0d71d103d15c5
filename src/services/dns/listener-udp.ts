import { createSocket } from "node:dgram";
import type { DatagramIo } from "../../model/datagrams.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { Drain } from "./drain.ts";
import type { Resolver } from "./resolver.ts";

export interface Listener {
  /** Closes the socket taken over and everything that came in by it. */
  close(): void;
}

export interface UdpParts {
  readonly resolver: Resolver;
  readonly io: DatagramIo;
  /** Of all sockets that share `io`. */
  readonly drain: Drain;
  readonly warn: (what: string, message: string) => void;
}

/** Answers on a bound UDP socket opened by someone else. Throws if the descriptor is none; it is then still the caller's. */
export function listenUdp(fd: number, sandbox: SandboxId, parts: UdpParts): Listener {
  const { resolver, io, drain, warn } = parts;
  const socket = createSocket("udp4");
  let open = true;

  const take = (count: number): void => {
    let inTurn = true;
    for (let i = 0; i < count; i++) {
      // An answer that comes later goes alone, and the memory has others' addresses by then.
      let sender: Uint8Array | undefined;
      let answered = false;
      resolver.handle(io.message(i), {
        sandbox,
        stream: false,
        reply: (reply) => {
          answered = true;
          if (inTurn) io.answer(i, reply);
          else if (open && sender !== undefined) io.sendTo(fd, reply, sender);
        },
      });
      if (!answered) sender = io.sender(i);
    }
    inTurn = false;
    if (open) io.send(fd);
  };

  socket.on("message", (bytes, from) => {
    resolver.handle(bytes, {
      sandbox,
      stream: false,
      reply: (reply) => {
        if (open) io.sendTo(fd, reply, io.address(from.address, from.port));
      },
    });
    if (open) drain.more();
  });
  socket.on("error", (error) => warn("udp", `UDP socket of sandbox ${sandbox}: ${error.message}`));
  drain.add(fd, take);
  try {
    socket.bind({ fd });
  } catch (error) {
    drain.remove(fd);
    throw error;
  }
  return {
    close() {
      if (!open) return;
      open = false;
      drain.remove(fd);
      socket.close();
    },
  };
}
