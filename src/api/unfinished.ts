import type { FastifyInstance } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Cuts off, when the server closes, whoever has begun a request and not finished it: node waits for the rest of it, without
 * end once the server closes. Requests that are whole get their answers.
 */
export function cutUnfinishedOnClose(api: FastifyInstance): void {
  /** Each connection, with the request that is being read or answered on it. */
  const connections = new Map<Duplex, IncomingMessage | undefined>();
  let isClosing = false;
  api.server.on("connection", (socket) => {
    if (isClosing) {
      socket.destroy();
      return;
    }
    connections.set(socket, undefined);
    socket.once("close", () => connections.delete(socket));
  });
  api.server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    connections.set(socket, request);
    response.once("close", () => {
      if (connections.get(socket) === request) connections.set(socket, undefined);
    });
  });
  api.addHook("preClose", (done) => {
    isClosing = true;
    for (const [socket, request] of connections) {
      if (request === undefined || !request.complete) socket.destroy();
    }
    done();
  });
}
