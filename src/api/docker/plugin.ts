import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Engine } from "../../engine/contract.ts";
import { OpenStreams } from "../streams.ts";
import type { DaemonFacts } from "../types.ts";
import { containerRoutes } from "./containers/routes.ts";
import { refusalOf } from "./errors.ts";
import { networkRoutes } from "./network-routes.ts";
import { refusedRoutes } from "./refused-routes.ts";
import { dockerHeaders, sendAnswer } from "./reply.ts";
import { callOf, type DockerRoute } from "./route.ts";
import { systemRoutes } from "./system-routes.ts";
import { API_VERSION, checkApiVersion } from "./versions.ts";

export interface DockerApiOptions {
  readonly engine: Engine;
  /** Version of netdock. */
  readonly version: string;
  readonly info: () => DaemonFacts;
  /** From which networks that name no subnet get one. */
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
}

/** What the routes work with. */
export interface DockerContext extends DockerApiOptions {
  /** Responses without end register here, to be ended when the server closes. */
  readonly streams: OpenStreams;
}

/**
 * Docker's Engine API, for whoever talks to `DOCKER_HOST=unix:///run/netdock/netdock.sock`: at the root of the socket and
 * below `/v1.NN`. Everything that no other plugin serves is answered in Docker's shape, too.
 */
export async function dockerApi(scope: FastifyInstance, options: DockerApiOptions): Promise<void> {
  const headers = dockerHeaders(options.version);
  readAnything(scope);
  scope.addHook("onRequest", (_request, reply, done) => {
    void reply.headers(headers);
    done();
  });
  refuseWhenClosing(scope);
  const streams = new OpenStreams();
  scope.addHook("preClose", (done) => {
    streams.endAll();
    done();
  });
  scope.setErrorHandler(answerError);
  const context: DockerContext = { ...options, streams };
  const routes = [
    ...systemRoutes(context),
    ...networkRoutes(context),
    ...containerRoutes(context),
    ...refusedRoutes(),
  ];
  for (const route of routes) serve(scope, route);
}

/** Docker's answers to what comes to no route at all; hooks of the scope do not run for these. */
export function dockerFallback({ version }: { readonly version: string }): {
  notFound(request: FastifyRequest, reply: FastifyReply): void;
  error(error: unknown, request: FastifyRequest, reply: FastifyReply): void;
} {
  const headers = dockerHeaders(version);
  return {
    notFound: (_request, reply) =>
      sendAnswer(reply.headers(headers), { status: 404, body: { message: "page not found" } }),
    error: (error, request, reply) => answerError(error, request, reply.headers(headers)),
  };
}

function serve(scope: FastifyInstance, { method, path, run }: DockerRoute): void {
  const handlerOf =
    (versionOf: (request: FastifyRequest) => string) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const version = versionOf(request);
      checkApiVersion(version);
      const answer = await run(callOf(request, reply, version));
      if (answer !== undefined) sendAnswer(reply, answer);
      return reply;
    };
  scope.route({ method, url: path, handler: handlerOf(() => API_VERSION) });
  scope.route({
    method,
    url: `/v:apiVersion(^[0-9.]+$)${path}`,
    handler: handlerOf((request) => (request.params as { readonly apiVersion: string }).apiVersion),
  });
}

/** Bodies come as texts, whatever their type: routes that take one say what is wrong with it (see body.ts). */
function readAnything(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
}

function refuseWhenClosing(scope: FastifyInstance): void {
  let closing = false;
  scope.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  scope.addHook("onRequest", (_request, reply, done) => {
    if (!closing) done();
    else sendAnswer(reply, { status: 503, body: { message: "the daemon is shutting down" } });
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = refusalOf(error, request.headers["content-type"] ?? "");
  const { status, message } = known ?? {
    status: 500,
    message: "netdock failed here by a fault of its own; the daemon's log says where",
  };
  if (status >= 500 && status !== 501) request.log.error({ err: error, url: request.url }, message);
  else request.log.debug({ url: request.url, message }, "refused");
  sendAnswer(reply, { status, body: { message } });
}
