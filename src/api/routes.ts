import type { FastifyReply, FastifyRequest } from "fastify";
import type { ErrorCode } from "../base/errors.ts";
import { checkValue } from "./check.ts";
import { object, type NamedSchemas, type Schema } from "./schema.ts";

/**
 * A route as one value: what it takes and gives are schemas, and the types of its handler follow from them. The server
 * serves these values and the OpenAPI document is made of them.
 */
export interface RouteSpec<Body, Query, Reply> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/netdock/v1`. A parameter `:ref` is a name, an id or a unique id prefix. */
  readonly path: string;
  /** Name of the operation in errors, logs and the OpenAPI document: `network.create`. */
  readonly op: string;
  readonly tag: "networks" | "sandboxes" | "daemon";
  readonly summary: string;
  /** When it requires no field, the whole body may be left out. */
  readonly body?: Schema<Body>;
  readonly query?: Schema<Query>;
  /** Reasons for which it may refuse, besides `invalid` and `internal`. */
  readonly refuses: readonly ErrorCode[];
  readonly status: 200 | 201 | 202 | 204;
  /** Absent with 204. */
  readonly reply?: Schema<Reply>;
  /** `application/json` unless said. */
  readonly replyType?: string;
}

export interface Call<Body, Query> {
  /** The `:ref` of the path; empty where the path has none. */
  readonly ref: string;
  readonly body: Body;
  readonly query: Query;
}

export interface Route extends RouteSpec<unknown, unknown, unknown> {
  readonly handle: (request: FastifyRequest, reply: FastifyReply, named: NamedSchemas) => Promise<void>;
}

export function route<Body = undefined, Query = undefined, Reply = undefined>(
  spec: RouteSpec<Body, Query, Reply> & {
    readonly run: (call: Call<Body, Query>, reply: FastifyReply) => Reply | Promise<Reply>;
  },
): Route {
  return {
    ...spec,
    handle: async (request, reply, named) => {
      const result = await spec.run(checkedCall(spec, request, named), reply);
      await reply.code(spec.status).send(result);
    },
  };
}

/** A route that writes its answer itself, from `reply.hijack()` on. */
export function streamRoute<Query>(
  spec: RouteSpec<undefined, Query, unknown> & {
    readonly run: (call: Call<undefined, Query>, reply: FastifyReply) => void | Promise<void>;
  },
): Route {
  return {
    ...spec,
    handle: async (request, reply, named) => {
      await spec.run(checkedCall(spec, request, named), reply);
    },
  };
}

const NO_QUERY: Schema<unknown> = object<object>({ description: "None", required: {}, optional: {} });

/** Throws `invalid` when the body or the query is not as its schema says. */
function checkedCall<Body, Query>(
  spec: RouteSpec<Body, Query, unknown>,
  request: FastifyRequest,
  named: NamedSchemas,
): Call<Body, Query> {
  const { op } = spec;
  const mayBeLeftOut = spec.body?.required?.length === 0;
  const body = request.body ?? (mayBeLeftOut ? {} : undefined);
  const wrong =
    checkValue(request.query, spec.query ?? NO_QUERY, { named, whole: "query", op }) ??
    (spec.body === undefined ? undefined : checkValue(body, spec.body, { named, whole: "body", op }));
  if (wrong !== undefined) throw wrong;
  const params = request.params as { readonly ref?: string };
  // Checked above, against the schemas these types belong to.
  return { ref: params.ref ?? "", body: body as Body, query: request.query as Query };
}
