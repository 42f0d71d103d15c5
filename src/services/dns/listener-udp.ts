import { createSocket, type RemoteInfo } from "node:dgram";
import type { DatagramIo } from "../../model/datagrams.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { Resolver } from "./resolver.ts";

export interface Listener {
  /** Closes the socket taken over and everything that came in by it. */
  close(): void;
}

export interface UdpParts {
  readonly resolver: Resolver;
  readonly io: DatagramIo;
  readonly warn: (what: string, message: string) => void;
}

/** Messages answered in a turn of the event loop beside those that the runtime reads: a flood is not all there is to do. */
const TURN = 256;
/** After so many looks in vain, doubled each time, a socket is looked at less: one client alone asks one after another. */
const MAX_PAUSE = 64;

/**
 * Answers on a bound UDP socket opened by someone else. Throws if the descriptor is none; it is then still the caller's.
 *
 * The runtime says that a message is there and brings it; what else waits by then is taken, answered and sent by two system
 * calls for all, at a third of what the runtime needs for each.
 */
export function listenUdp(fd: number, sandbox: SandboxId, { resolver, io, warn }: UdpParts): Listener {
  const socket = createSocket("udp4");
  let open = true;
  let left = TURN;
  let pause = 1;
  let paused = 0;

  const first = (bytes: Uint8Array, from: RemoteInfo): void => {
    resolver.handle(bytes, {
      sandbox,
      stream: false,
      reply: (reply) => {
        if (open) io.sendTo(fd, reply, io.address(from.address, from.port));
      },
    });
  };

  const rest = (count: number): void => {
    let inTurn = true;
    for (let i = 0; i < count; i++) {
      // An answer that comes later goes alone; whom it goes to is known when the memory has others' addresses in it.
      let late: Uint8Array | undefined;
      let answered = false;
      resolver.handle(io.message(i), {
        sandbox,
        stream: false,
        reply: (reply) => {
          answered = true;
          if (inTurn) io.answer(i, reply);
          else if (open && late !== undefined) io.sendTo(fd, reply, late);
        },
      });
      if (!answered) late = io.sender(i);
    }
    inTurn = false;
    io.send(fd);
  };

  socket.on("message", (bytes, from) => {
    first(bytes, from);
    if (paused > 0) {
      paused--;
      return;
    }
    if (left <= 0 || !open) return;
    const count = io.receive(fd);
    if (count === 0) {
      paused = pause;
      pause = Math.min(pause * 2, MAX_PAUSE);
      return;
    }
    pause = 1;
    if (left === TURN) setImmediate(() => (left = TURN));
    left -= count;
    rest(count);
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
