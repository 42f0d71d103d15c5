import type { FastifyInstance } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { errorText, NetError } from "../base/errors.ts";
import { showAddress } from "./host.ts";
import type { TlsIdentity } from "./tls-files.ts";

export interface TlsListener {
  readonly port: number;
  /** No more connections; those that are idle end. To be called before the API closes. */
  stop(): void;
  /** Resolves when the last answer is out. */
  readonly ended: Promise<void>;
}

/**
 * Listens on TCP beside the Unix socket, for clients with a certificate of the given authority only: whoever is let in can
 * change the host's network. The same server answers; TLS only carries its connections. Throws `invalid` when the address
 * cannot be listened at.
 */
export async function listenOnTls(
  api: FastifyInstance,
  request: { readonly host: string; readonly port: number; readonly identity: TlsIdentity },
): Promise<TlsListener> {
  const { host, port, identity } = request;
  const connections = new Set<TLSSocket>();
  const ended = Promise.withResolvers<void>();
  let isStopped = false;
  const server = createServer({
    ...identity,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    // Milliseconds; the end of the daemon waits so long for clients that have not said who they are.
    handshakeTimeout: 10_000,
    ALPNProtocols: ["http/1.1"],
    // As node's HTTP servers have it: a client may end its side and wait for the answer.
    allowHalfOpen: true,
  });
  server.on("secureConnection", (socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    api.server.emit("connection", socket);
  });
  server.on("tlsClientError", (error, socket) => {
    api.log.debug({ peer: socket.remoteAddress, why: error.message }, "no TLS with this client");
    socket.destroy();
  });
  // The HTTP server waits for connections of its own only.
  api.server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (!connections.has(socket as TLSSocket)) return;
    response.once("close", () => isStopped && socket.destroySoon());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(refusal(showAddress({ kind: "tcp", host, port }), error)));
    server.listen({ host, port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      isStopped = true;
      server.close(() => ended.resolve());
    },
    ended: ended.promise,
  };
}

function refusal(address: string, error: Error): NetError {
  return new NetError("invalid", "daemon.listen", {
    message: `--listen: cannot listen at ${address}: ${errorText(error)}`,
    field: "--listen",
    value: address,
    cause: error,
  });
}
