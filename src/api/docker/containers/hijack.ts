import { errorText } from "../../../base/errors.ts";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

interface Upgraded {
  readonly socket: Duplex;
  /** What came behind the body already. */
  readonly rest: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgraded>();

/**
 * Lets requests that ask for an upgrade (`Upgrade: tcp`, as Docker's clients send it for attach and exec) come to their routes
 * like all others: the connection is then free of HTTP for whoever takes it (`takeStream`), and is closed behind any other
 * answer.
 */
export function acceptUpgrades(api: FastifyInstance): void {
  const open = new Set<Duplex>();
  // A server waits for all its connections before it closes.
  api.addHook("preClose", (done) => {
    for (const socket of open) socket.destroy();
    done();
  });
  api.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    upgrades.set(request, { socket, rest: head });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    response.once("finish", () => socket.end());
    api.routing(request, response);
  });
}

/** A connection that carries the streams of a command. */
export interface ClientStream {
  /** What the client sends; undefined when it did not ask for an upgrade, and so cannot send. */
  readonly input: Duplex | undefined;
  /** Aborted when the client has left. */
  readonly left: AbortSignal;
  /** Waits until there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
}

/** Takes the connection over, with the head of an answer that says what comes (moby, httputils and router/container). */
export function takeStream(request: FastifyRequest, reply: FastifyReply, contentType: string): ClientStream {
  const upgraded = upgrades.get(request.raw);
  const headers = { ...reply.getHeaders(), "Content-Type": contentType };
  reply.hijack();
  const left = new AbortController();
  if (upgraded === undefined) {
    const { raw } = reply;
    raw.on("error", () => undefined);
    raw.once("close", () => left.abort());
    raw.writeHead(200, headers as never);
    raw.flushHeaders();
    return {
      input: undefined,
      left: left.signal,
      write: writerOf(raw, left.signal),
      end: () => void raw.end(),
    };
  }
  const { socket, rest } = upgraded;
  reply.raw.detachSocket(socket as never);
  socket.once("close", () => left.abort());
  const lines = Object.entries({ ...headers, Connection: "Upgrade", Upgrade: "tcp" }).map(
    ([name, value]) => `${name}: ${String(value)}\r\n`,
  );
  socket.write(`HTTP/1.1 101 UPGRADED\r\n${lines.join("")}\r\n`);
  if (rest.length > 0) socket.unshift(rest);
  return {
    input: socket,
    left: left.signal,
    write: writerOf(socket, left.signal),
    end: () => void socket.end(),
  };
}

/** Runs what writes to a stream. A failure cannot be answered any more: the connection's end says that something is missing. */
export async function serveStream(
  request: FastifyRequest,
  stream: ClientStream,
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    request.log.error({ err: error, url: request.url }, `stream failed: ${errorText(error)}`);
  }
  stream.end();
}

function writerOf(
  out: { write(bytes: Uint8Array): boolean; readonly destroyed: boolean } & NodeJS.EventEmitter,
  signal: AbortSignal,
): ClientStream["write"] {
  return async (bytes) => {
    if (out.destroyed || signal.aborted || out.write(bytes)) return;
    await once(out, "drain", { signal }).catch(() => undefined);
  };
}
