import type { FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import type { ErrorCode } from "../base/errors.ts";
import { errorBody } from "./daemon-schemas.ts";
import { HTTP_STATUS } from "./errors.ts";
import { object, type Schema, text, use } from "./schema.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Name of the operation: `network.create`. */
    readonly op?: string;
  }
}

/**
 * A route as one value: what it takes and gives is a schema, and the types of its handler follow from them. The OpenAPI
 * document is made of the same values.
 */
interface RouteSpec<Body, Query, Reply> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/netdock/v1`. A parameter `:ref` is a name, an id or a unique id prefix. */
  readonly path: string;
  /** Name of the operation in errors, logs and the OpenAPI document: `network.create`. */
  readonly op: string;
  readonly tag: "networks" | "sandboxes" | "daemon";
  readonly summary: string;
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

export function route<Body = undefined, Query = undefined, Reply = undefined>(
  spec: RouteSpec<Body, Query, Reply> & {
    readonly run: (call: Call<Body, Query>) => Reply | Promise<Reply>;
  },
): RouteOptions {
  return {
    ...routeOptions(spec),
    handler: async (request, reply) => {
      const result = await spec.run(callOf<Body, Query>(request));
      await reply.code(spec.status).send(result);
    },
  };
}

/** A route that writes its answer itself, from `reply.hijack()` on. */
export function streamRoute<Query>(
  spec: RouteSpec<undefined, Query, unknown> & {
    readonly run: (call: Call<undefined, Query>, reply: FastifyReply) => void | Promise<void>;
  },
): RouteOptions {
  return {
    ...routeOptions(spec),
    handler: async (request, reply) => {
      await spec.run(callOf<undefined, Query>(request), reply);
    },
  };
}

function callOf<Body, Query>(request: FastifyRequest): Call<Body, Query> {
  const params = request.params as { readonly ref?: string };
  return { ref: params.ref ?? "", body: request.body as Body, query: request.query as Query };
}

const refParams = object<{ readonly ref: string }>({
  description: "Which one",
  required: { ref: text("Name, id or unique id prefix", { minLength: 1, examples: ["web"] }) },
  optional: {},
});

const noQuery = object<Record<never, never>>({ description: "None", required: {}, optional: {} });

function routeOptions<Body, Query, Reply>(
  spec: RouteSpec<Body, Query, Reply>,
): Omit<RouteOptions, "handler"> {
  const { body } = spec;
  const bodyMayBeLeftOut = Array.isArray(body?.["required"]) && body["required"].length === 0;
  return {
    method: spec.method,
    url: spec.path,
    config: { op: spec.op },
    ...(bodyMayBeLeftOut && {
      preValidation: (request, _reply, done) => {
        request.body ??= {};
        done();
      },
    }),
    schema: {
      operationId: spec.op,
      summary: spec.summary,
      tags: [spec.tag],
      ...(spec.path.includes(":ref") && { params: refParams }),
      querystring: spec.query ?? noQuery,
      ...(body !== undefined && { body: use(body) }),
      response: responses(spec),
    },
  };
}

function responses(spec: RouteSpec<never, never, unknown> | RouteSpec<unknown, unknown, unknown>): object {
  const good =
    spec.reply === undefined
      ? { type: "null", description: "Done" }
      : {
          description: "Done",
          content: { [spec.replyType ?? "application/json"]: { schema: use(spec.reply) } },
        };
  const reasons = new Map<number, ErrorCode[]>();
  for (const code of ["invalid", ...spec.refuses, "internal"] as const) {
    const status = HTTP_STATUS[code];
    reasons.set(status, [...(reasons.get(status) ?? []), code]);
  }
  const bad = [...reasons].map(([status, codes]): [number, object] => [
    status,
    { description: codes.join(", "), content: { "application/json": { schema: use(errorBody) } } },
  ]);
  return { [spec.status]: good, ...Object.fromEntries<object>(bad) };
}
