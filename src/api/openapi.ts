import fastify from "fastify";
import { errorBody } from "./daemon-schemas.ts";
import { HTTP_STATUS } from "./errors.ts";
import { type Route, route } from "./routes.ts";
import { type Keywords, type NamedSchemas, object, type Schema, text, use } from "./schema.ts";

/**
 * The OpenAPI 3.1 document of some routes. Made on demand, by a server that never listens: few ask for it, and its
 * generator need not be loaded at every start of the daemon.
 */
export async function openapiDocument(api: {
  readonly routes: readonly Route[];
  readonly named: NamedSchemas;
  readonly base: string;
  readonly version: string;
}): Promise<object> {
  const { default: swagger } = await import("@fastify/swagger");
  await using server = fastify({
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: { buildValidator: () => accept, buildSerializer: () => accept } },
  });
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "netdock",
        description:
          "Container networking: networks, sandboxes and the endpoints that join them. HTTP over a Unix socket.",
        version: api.version,
      },
      tags: [{ name: "networks" }, { name: "sandboxes" }, { name: "daemon" }],
    },
    refResolver: { buildLocalReference: (schema) => String(schema["$id"]) },
  });
  for (const schema of api.named.values()) server.addSchema(schema);
  for (const route of api.routes) {
    server.route({
      method: route.method,
      url: api.base + route.path,
      schema: described(route),
      handler: accept,
    });
  }
  await server.ready();
  return server.swagger();
}

/** Answers with the document, which is made once. */
export function openapiRoute(make: () => Promise<object>): Route {
  let made: object | undefined;
  return route({
    method: "GET",
    path: "/openapi.json",
    op: "openapi",
    tag: "daemon",
    summary: "This document",
    refuses: [],
    status: 200,
    reply: anyObject,
    run: async () => (made ??= await make()),
  });
}

const anyObject: Schema<object> = { type: "object", description: "An OpenAPI 3.1 document" };

/** Stands for every compiler and handler of the server that never listens. */
function accept(): () => never {
  return () => {
    throw new Error("this server only describes");
  };
}

const refParams = object<{ readonly ref: string }>({
  description: "Which one",
  required: { ref: text("Name, id or unique id prefix", { examples: ["web"] }) },
  optional: {},
});

function described(route: Route): object {
  return {
    operationId: route.op,
    summary: route.summary,
    tags: [route.tag],
    ...(route.path.includes(":ref") && { params: refParams }),
    ...(route.query !== undefined && { querystring: route.query }),
    ...(route.body !== undefined && { body: use(route.body) }),
    response: responses(route),
  };
}

function responses(route: Route): object {
  const { reply, replyType = "application/json", refuses, status } = route;
  const codes = Map.groupBy(["invalid", ...refuses, "internal"] as const, (code) => HTTP_STATUS[code]);
  const bad = [...codes].map(([code, reasons]): [number, object] => [
    code,
    { description: reasons.join(", "), content: content("application/json", errorBody) },
  ]);
  const good =
    reply === undefined
      ? { type: "null", description: "Done" }
      : { description: "Done", content: content(replyType, reply) };
  return { [status]: good, ...Object.fromEntries<object>(bad) };
}

function content(type: string, schema: Keywords): object {
  return { [type]: { schema: use(schema) } };
}
