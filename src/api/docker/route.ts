import type { FastifyReply, FastifyRequest } from "fastify";
import { readBody, type Decoder } from "./body.ts";
import type { Answer } from "./reply.ts";

/** One request of Docker's API, as its route sees it. */
export interface Call {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** As the path says (`1.47`), or the newest. */
  readonly apiVersion: string;
  /** A parameter of the path; `*` is the rest of it. */
  readonly param: (name: string) => string;
  /** The first value of a query parameter; empty when there is none, as in Go. */
  readonly query: (name: string) => string;
  /** Go's reading of a flag (moby, httputils.BoolValue). */
  readonly flag: (name: string) => boolean;
  /** The JSON body. Throws `invalid` in Docker's words. */
  readonly body: <T>(decoder: Decoder<T>) => T;
}

export interface DockerRoute {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Below `/` and `/v1.NN`. */
  readonly path: string;
  /** Undefined: it took the answer over (`beginRaw`). */
  readonly run: (call: Call) => Answer | undefined | Promise<Answer | undefined>;
}

export function callOf(request: FastifyRequest, reply: FastifyReply, apiVersion: string): Call {
  const params = request.params as Readonly<Record<string, string>>;
  const query = (name: string): string => {
    const value = (request.query as Readonly<Record<string, string | string[]>>)[name];
    return (Array.isArray(value) ? value[0] : value) ?? "";
  };
  return {
    request,
    reply,
    apiVersion,
    param: (name) => params[name] ?? "",
    query,
    flag: (name) => !["", "0", "no", "false", "none"].includes(query(name).trim().toLowerCase()),
    body: (decoder) => readBody(request, decoder),
  };
}
