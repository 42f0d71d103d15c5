import { createServer, type Socket } from "node:net";
import { NetError } from "../../base/errors.ts";
import type { SandboxId } from "../../model/ids.ts";
import { frameHeader, FrameReader } from "../../wire/dns/index.ts";
import type { Listener } from "./listener-udp.ts";
import type { ResolverLimits } from "./limits.ts";
import type { Resolver } from "./resolver.ts";
import type { Timers } from "./timers.ts";

export interface TcpParts {
  readonly resolver: Resolver;
  readonly limits: ResolverLimits;
  readonly timers: Timers;
  readonly warn: (what: string, message: string) => void;
}

/** Answers on a listening TCP socket opened by someone else. Throws if the descriptor is none. */
export function listenTcp(fd: number, sandbox: SandboxId, parts: TcpParts): Listener {
  const connections = new Set<Socket>();
  // Half open: a client that has sent its last query and closed its side still gets its answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (connections.size >= parts.limits.connections) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    serve(socket, sandbox, parts);
  });
  server.on("error", (error) => parts.warn("tcp", `TCP socket of sandbox ${sandbox}: ${error.message}`));
  server.listen({ fd });
  // The runtime reports a useless descriptor a tick later, as an event; whether it has a socket can be seen at once.
  if (server.address() === null)
    throw new NetError("internal", "resolver.start", { message: "not a TCP socket" });
  return {
    close() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

/**
 * One connection: queries come one behind the other without waiting for answers, and answers go out as they are ready, in
 * any order (RFC 7766 sections 6.2.1.1 and 7).
 */
function serve(socket: Socket, sandbox: SandboxId, { resolver, limits, timers }: TcpParts): void {
  const frames = new FrameReader(limits.maxQuery);
  let waiting = 0;
  let ended = false;
  let cancelIdle: () => void = () => undefined;
  // Only whole messages count as life: a client that drips single octets is idle.
  const restartIdle = (): void => {
    cancelIdle();
    cancelIdle = timers.after(limits.idleMs, () => socket.destroy());
  };
  const endIfDone = (): void => {
    if (ended && waiting === 0) socket.end();
  };
  const send = (bytes: Uint8Array): void => {
    waiting--;
    if (socket.destroyed) return;
    socket.cork();
    socket.write(frameHeader(bytes.length));
    // A client that does not read its answers gets to ask no more until it does.
    if (!socket.write(bytes)) socket.pause();
    socket.uncork();
    restartIdle();
    endIfDone();
  };
  socket.on("data", (piece: Buffer) => {
    const messages = frames.push(piece);
    if (messages === undefined) {
      socket.destroy();
      return;
    }
    if (messages.length > 0) restartIdle();
    // The answers known at once leave together.
    socket.cork();
    for (const bytes of messages) {
      waiting++;
      resolver.handle(bytes, { sandbox, stream: true, reply: send });
    }
    socket.uncork();
  });
  socket.on("drain", () => socket.resume());
  socket.on("end", () => {
    ended = true;
    endIfDone();
  });
  // "close" always follows, and that is where everything ends.
  socket.on("error", () => undefined);
  socket.on("close", () => cancelIdle());
  restartIdle();
}
