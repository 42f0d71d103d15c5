import type { FastifyInstance } from "fastify";
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { errorText, NetError } from "../base/errors.ts";

/** Owner and group may connect, nobody else: who can talk to the daemon can change the host's network. */
export const SOCKET_MODE = 0o660;

/** Connections that may wait to be accepted: as many as the kernel allows (net.core.somaxconn, 4096 by default). */
const BACKLOG = 4096;

/**
 * Listens on a Unix socket. The socket of a daemon that is dead is replaced; throws `conflict` when another one answers
 * there or when the path is a file of another kind, which is never removed.
 */
export async function listenOnSocket(
  api: FastifyInstance,
  request: { readonly path: string; readonly mode?: number },
): Promise<void> {
  const { path, mode = SOCKET_MODE } = request;
  await removeStale(path);
  try {
    await api.listen({ path, backlog: BACKLOG });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") throw taken(path);
    throw new NetError("invalid", "daemon.listen", {
      message: `socket: cannot listen on ${path}: ${errorText(error)}`,
      field: "socket",
      value: path,
      cause: error,
    });
  }
  chmodSync(path, mode);
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new NetError("conflict", "daemon.listen", {
      message: `socket: ${path} is there and is no socket: name another path, or remove it`,
      field: "socket",
      value: path,
    });
  }
  if (await answers(path)) throw taken(path);
  unlinkSync(path);
}

function taken(path: string): NetError {
  return new NetError("conflict", "daemon.listen", {
    message: `socket: another daemon answers on ${path}: stop it first, or name another path`,
    field: "socket",
    value: path,
  });
}

/** Connecting is the test: the kernel refuses when nobody has the socket open any more (unix(7), ECONNREFUSED). */
function answers(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect({ path });
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
    // EAGAIN: somebody listens there and is busy (its backlog is full).
    else if (error.code === "EAGAIN") resolve(true);
    else reject(error);
  });
  return promise;
}
