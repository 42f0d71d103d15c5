import { closeSync } from "node:fs";
import { READY } from "../../model/readiness.ts";
import type { StreamIo } from "../../model/streams.ts";
import type { ResolverLimits } from "./limits.ts";
import type { Listener, ListenerParts } from "./listener.ts";
import { serveStream } from "./stream.ts";
import type { Timers } from "./timers.ts";

/** How long nothing is accepted when the process or the machine has no room for a connection. */
const REST_MS = 100;

export interface TcpParts extends ListenerParts {
  readonly streams: StreamIo;
  readonly limits: ResolverLimits;
  readonly timers: Timers;
}

/** Answers on a listening TCP socket opened by someone else. Throws if the descriptor is none; it is then still the caller's. */
export function listenTcp(fd: number, parts: TcpParts): Listener {
  const { readiness, streams, limits, timers } = parts;
  const connections = new Set<Listener>();
  let cancelRest: () => void = () => undefined;
  const take = (): void => {
    for (;;) {
      const accepted = streams.accept(fd);
      if (accepted === "none") return;
      if (accepted === "full") {
        readiness.remove(fd);
        cancelRest = timers.after(REST_MS, () => readiness.add(fd, READY.IN, take));
        return;
      }
      if (connections.size >= limits.connections) closeSync(accepted);
      else {
        const connection = serveStream(accepted, parts, () => connections.delete(connection));
        connections.add(connection);
      }
    }
  };
  readiness.add(fd, READY.IN, take);
  let open = true;
  return {
    close() {
      if (!open) return;
      open = false;
      cancelRest();
      readiness.remove(fd);
      closeSync(fd);
      for (const connection of connections) connection.close();
    },
  };
}
