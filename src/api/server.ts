import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Socket } from "node:net";
import { isNetError, NetError } from "../base/errors.ts";
import type { Engine } from "../engine/contract.ts";
import { daemonRoutes } from "./daemon-routes.ts";
import { daemonSchemas } from "./daemon-schemas.ts";
import { acceptUpgrades } from "./docker/containers/hijack.ts";
import { dockerApi, dockerFallback } from "./docker/plugin.ts";
import { errorBody, hiddenFault, HTTP_STATUS, transportError } from "./errors.ts";
import { EVENT_BUFFER_BYTES } from "./events.ts";
import { networkRoutes } from "./network-routes.ts";
import { openapiDocument, openapiRoute } from "./openapi.ts";
import { requestSchemas } from "./request-schemas.ts";
import { responseSchemas } from "./response-schemas.ts";
import { sandboxRoutes } from "./sandbox-routes.ts";
import { byName } from "./schema.ts";
import { OpenStreams } from "./streams.ts";
import type { ApiBase, DaemonFacts } from "./types.ts";
import { cutUnfinishedOnClose } from "./unfinished.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Name of the operation: `network.create`. */
    readonly op?: string;
  }
}

const BASE: ApiBase = "/netdock/v1";
const BODY_LIMIT_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** A fastify instance: other APIs are registered on it as plugins. */
export type Api = FastifyInstance;

export interface ApiOptions {
  readonly engine: Engine;
  /** Version of netdock. */
  readonly version: string;
  readonly info: () => DaemonFacts;
  /** From which networks that name no subnet get one; shown by Docker's `info`. */
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
  /** Called after the answer to `POST /shutdown` is out; absent: that route answers `unsupported`. */
  readonly shutdown?: () => void;
  /** A pino logger; absent: nothing is logged. */
  readonly log?: FastifyBaseLogger;
  /** Milliseconds within which a request must be whole; absent: 30,000. */
  readonly requestTimeoutMs?: number;
  /** Bytes by which a reader of events may be behind before it is cut off. */
  readonly eventBufferBytes?: number;
}

/**
 * The HTTP API, not yet listening (see `listenOnSocket`). Everything of ours lives in a scope of its own under
 * `/netdock/v1`, with its own parsers and error shape; Docker's API is a scope beside it, and others can be registered so.
 */
export function createApi(options: ApiOptions): Api {
  const docker = dockerFallback(options);
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const api = fastify({
    ...(options.log === undefined ? { logger: false } : { loggerInstance: options.log }),
    // One line for each failure (see `answerError`), none for a request that went well, and no logger made for each.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: BODY_LIMIT_BYTES,
    exposeHeadRoutes: false,
    // Requests that come while the server closes get our own refusal instead (see `refuseWhenClosing`).
    return503OnClosing: false,
    // No limit of the router's own: node reads at most 16 KiB of headers, and no name is that long.
    routerOptions: { maxParamLength: 16_384 },
    // A silent client must not hold a half-sent request for ever; whole requests may take as long as they take.
    requestTimeout: requestTimeoutMs,
    // Node takes the longer of the two for the whole request, and looks every half a minute unless told.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 6) },
    // Routes check and write for themselves (see routes.ts); neither compiler is loaded.
    schemaController: {
      compilersFactory: { buildValidator: () => noCompiler, buildSerializer: () => noCompiler },
    },
    frameworkErrors: (error, request, reply) => {
      if (isOurs(request)) answerError(error, request, reply);
      else docker.error(error, request, reply);
    },
    clientErrorHandler: answerBrokenRequest,
  });
  cutUnfinishedOnClose(api);
  api.setErrorHandler(answerError);
  api.setNotFoundHandler((request, reply) => {
    if (isOurs(request)) answerUnknownRoute(request, reply);
    else docker.notFound(request, reply);
  });
  void api.register(netdockApi, { ...options, prefix: BASE });
  const { engine, version, info, addressPools = [] } = options;
  void api.register(dockerApi, { engine, version, info, addressPools });
  acceptUpgrades(api);
  return api;
}

async function netdockApi(scope: FastifyInstance, options: ApiOptions): Promise<void> {
  readJsonOnly(scope);
  refuseWhenClosing(scope);
  scope.setErrorHandler(answerError);
  scope.setNotFoundHandler(answerUnknownRoute);

  const streams = new OpenStreams();
  // Before the server closes, which waits for every response that is still open.
  scope.addHook("preClose", (done) => {
    streams.endAll();
    done();
  });

  const { engine, version, info, shutdown } = options;
  const eventBufferBytes = options.eventBufferBytes ?? EVENT_BUFFER_BYTES;
  const routes = [
    ...networkRoutes(engine),
    ...sandboxRoutes(engine, streams),
    ...daemonRoutes({ engine, streams, version, info, shutdown, eventBufferBytes }),
  ];
  const named = byName([...requestSchemas, ...responseSchemas, ...daemonSchemas]);
  routes.push(openapiRoute(() => openapiDocument({ routes, named, base: BASE, version })));
  for (const { method, path, op, handle } of routes) {
    const handler = (request: FastifyRequest, reply: FastifyReply): Promise<void> =>
      handle(request, reply, named);
    scope.route({ method, url: path, config: { op }, handler });
  }
}

function noCompiler(): never {
  throw new Error("routes of this API have no schema for fastify to compile");
}

/** One parser, for JSON, whose refusals say where the text goes wrong. */
function readJsonOnly(scope: FastifyInstance): void {
  // Refuses `__proto__` keys, which no reader of the body expects.
  const parse = scope.getDefaultJsonParser("error", "error");
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    void parse(request, body as string, (error: Error | null, value?: unknown) => {
      if (codeOf(error) === "FST_ERR_CTP_INVALID_JSON_BODY") done(jsonError(opOf(request), body as string));
      else done(error, value);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string } | null)?.code;
}

function jsonError(op: string, body: string): NetError {
  let why = 'it holds a key "__proto__" or "constructor.prototype"';
  try {
    JSON.parse(body);
  } catch (error) {
    why = (error as SyntaxError).message;
  }
  return new NetError("invalid", op, { message: `body: not JSON that can be read: ${why}`, field: "body" });
}

function refuseWhenClosing(scope: FastifyInstance): void {
  let closing = false;
  scope.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  scope.addHook("onRequest", (request, _reply, done) => {
    if (!closing) done();
    else
      done(new NetError("unavailable", opOf(request), { message: "the daemon is shutting down" }) as never);
  });
}

function opOf(request: FastifyRequest): string {
  return request.routeOptions.config.op ?? "request";
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const op = opOf(request);
  const { status, answer } = refusalOf(error, op, request);
  if (status >= 500) request.log.error({ err: error, op, url: request.url }, answer.message);
  else request.log.debug({ op, url: request.url, error: answer }, answer.message);
  void reply.code(status).type("application/json; charset=utf-8").send(errorBody(answer));
}

function refusalOf(
  error: unknown,
  op: string,
  request: FastifyRequest,
): { status: number; answer: NetError } {
  if (isNetError(error)) return { status: HTTP_STATUS[error.code], answer: error };
  const known = transportError(error, {
    op,
    url: request.url,
    contentType: request.headers["content-type"],
    bodyLimit: BODY_LIMIT_BYTES,
  });
  if (known !== undefined) return { status: known.status, answer: known.error };
  return { status: HTTP_STATUS.internal, answer: hiddenFault(op) };
}

/** What is nobody's is Docker's: its clients must be able to read every refusal. */
function isOurs({ url }: FastifyRequest): boolean {
  return url.startsWith("/netdock/");
}

function answerUnknownRoute(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split("?", 1)[0] ?? request.url;
  const error = new NetError("not_found", "request", {
    message: `there is no ${request.method} ${path}; GET ${BASE}/openapi.json lists what there is`,
    subject: `${request.method} ${path}`,
  });
  void reply.code(HTTP_STATUS.not_found).type("application/json; charset=utf-8").send(errorBody(error));
}

/** What node's parser could not read as HTTP at all, or a body that ended early: there is no request to answer. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [line, message] =
    error.code === "HPE_INVALID_EOF_STATE"
      ? ["400 Bad Request", "request: ended before it was whole"]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? ["431 Request Header Fields Too Large", "request: its headers are too large"]
        : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? ["408 Request Timeout", "request: not whole in time"]
          : ["400 Bad Request", `request: not HTTP: ${error.message}`];
  // Who asked is not known: clients of Docker look for the message at the top.
  const refusal = new NetError("invalid", "request", { message, field: "request" });
  const body = JSON.stringify({ ...errorBody(refusal), message });
  socket.end(
    `HTTP/1.1 ${line}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
