import type { FastifyReply } from "fastify";
import type { OutgoingHttpHeaders } from "node:http";
import { API_VERSION } from "./versions.ts";

/** What a route answers with; absent body: none. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

export function created(body: unknown): Answer {
  return { status: 201, body };
}

export const NO_CONTENT: Answer = { status: 204 };

/** 200 without a body. */
export const DONE: Answer = { status: 200 };

/** Headers of every answer of Docker's API (moby, daemon/server/middleware). */
export function dockerHeaders(version: string): Readonly<Record<string, string>> {
  return {
    "Api-Version": API_VERSION,
    "Docker-Experimental": "false",
    Ostype: "linux",
    Server: `Docker/${version} (linux)`,
  };
}

/** As Go's encoder writes it: one line, with its end. */
export function jsonText(body: unknown): string {
  return `${JSON.stringify(body)}\n`;
}

/**
 * Bytes and not text, since fastify adds a charset to JSON texts, and the docker client prints an error's body as it is
 * unless its type is exactly `application/json`.
 */
export function sendAnswer(reply: FastifyReply, { status, body }: Answer): void {
  void reply.code(status);
  if (body === undefined) void reply.send();
  else void reply.header("Content-Type", "application/json").send(Buffer.from(jsonText(body)));
}

/** Takes the answer out of fastify's hands and sends its head at once; for streams. */
export function beginRaw(reply: FastifyReply, status: number, headers: OutgoingHttpHeaders): void {
  const common = reply.getHeaders() as OutgoingHttpHeaders;
  reply.hijack();
  // A write to a client that is gone; `close` says so too, and is what ends a stream.
  reply.raw.on("error", () => undefined);
  reply.raw.writeHead(status, { ...common, ...headers });
  reply.raw.flushHeaders();
}
