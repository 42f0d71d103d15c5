import type HttpModule from "node:http";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type HttpsModule from "node:https";
import type { RequestOptions as RequestOptionsOfNode } from "node:https";
import { ERROR_CODES, type ErrorCode, errorText, NetError } from "../base/errors.ts";
import { type DaemonAddress, showAddress } from "./host.ts";
import type { TlsIdentity } from "./tls-files.ts";
import type { ApiBase, ErrorBody } from "./types.ts";

const BASE: ApiBase = "/netdock/v1";

export interface RequestOptions {
  /** Gives up; the call then throws `cancelled`. What the daemon began it goes on with. */
  readonly signal?: AbortSignal | undefined;
}

export interface ApiRequest extends RequestOptions {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/netdock/v1`, escaped. */
  readonly path: string;
  readonly body?: object | undefined;
}

/** Connections for calls; more calls at once wait for a free one. Streams have connections of their own. */
const MAX_CONNECTIONS = 64;

/** What a transport connects to: a Unix socket, or TCP with both sides' certificates. */
export type TransportTarget =
  | (DaemonAddress & { readonly kind: "unix" })
  | (DaemonAddress & { readonly kind: "tcp" } & { readonly tls: TlsIdentity });

/** HTTP over one Unix socket or over TLS to one address, connections kept; failures are NetErrors. */
export class Transport {
  /** As messages name it. */
  readonly address: string;
  // Not imported: an import reads every export, and reading `WebSocket` loads a browser's worth of networking, with which
  // each command took a third longer to start.
  readonly #http: typeof HttpModule | typeof HttpsModule;
  readonly #agent: Agent;
  readonly #streamAgent: Agent;
  readonly #where: RequestOptionsOfNode;
  readonly #streams = new Set<IncomingMessage>();

  constructor(target: TransportTarget) {
    this.address = showAddress(target);
    const isUnix = target.kind === "unix";
    const http = process.getBuiltinModule(isUnix ? "node:http" : "node:https");
    const kept = { keepAlive: true, scheduling: "lifo", maxSockets: MAX_CONNECTIONS } as const;
    this.#http = http;
    this.#agent = new http.Agent(kept);
    this.#streamAgent = new http.Agent();
    this.#where = isUnix
      ? { socketPath: target.path }
      : { host: target.host, port: target.port, ...target.tls, rejectUnauthorized: true };
  }

  /** A whole answer, parsed; undefined for 204. */
  async call<T>(request: ApiRequest): Promise<T> {
    const op = opOf(request);
    const { response, text } = await this.#answer(request, op);
    if (response.statusCode === 204) return undefined as T;
    return parseAnswer(text, op, this.address) as T;
  }

  /** The body as it comes. Resolves when the daemon accepted the request. */
  async stream(request: ApiRequest): Promise<IncomingMessage> {
    const op = opOf(request);
    const response = await this.#send(request, op, this.#streamAgent);
    if (response.statusCode !== 200) throw this.#refusal(await this.#read(response, request, op), op);
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
    return response;
  }

  close(): void {
    for (const response of this.#streams) response.destroy();
    this.#agent.destroy();
    this.#streamAgent.destroy();
  }

  async #answer(request: ApiRequest, op: string): Promise<{ response: IncomingMessage; text: string }> {
    const response = await this.#send(request, op, this.#agent);
    const text = await this.#read(response, request, op);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw this.#refusal(text, op);
    return { response, text };
  }

  #send(request: ApiRequest, op: string, agent: Agent): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const sent: ClientRequest = this.#http.request({
      ...this.#where,
      agent,
      method: request.method,
      path: BASE + request.path,
      ...(request.signal !== undefined && { signal: request.signal }),
      headers:
        body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": String(body.length) },
    });
    sent.once("response", resolve);
    sent.on("error", (error: NodeJS.ErrnoException) => reject(this.failure(error, op, request.signal)));
    sent.end(body);
    return promise;
  }

  async #read(response: IncomingMessage, request: ApiRequest, op: string): Promise<string> {
    response.setEncoding("utf8");
    let text = "";
    try {
      for await (const chunk of response) text += chunk as string;
    } catch (error) {
      throw this.failure(error as Error, op, request.signal);
    }
    return text;
  }

  /** What the daemon refused, as it said it. */
  #refusal(text: string, op: string): NetError {
    return reviveError(tryParse(text)) ?? strange(op, this.address);
  }

  /** What kept the daemon from being asked or from answering. */
  failure(error: NodeJS.ErrnoException, op: string, signal: AbortSignal | undefined): NetError {
    const subject = this.address;
    if (signal?.aborted === true) {
      return new NetError("cancelled", op, { message: `${op} was given up`, cause: signal.reason });
    }
    switch (error.code) {
      case "ENOENT":
      case "ECONNREFUSED": {
        const remedy = "start it with `netdock daemon`";
        const message = `no daemon answers on ${subject}: ${remedy}`;
        return new NetError("unavailable", op, { message, subject, remedy, errno: error.code, cause: error });
      }
      case "EACCES":
      case "EPERM": {
        const remedy = "run as root, or as a member of the socket's group";
        const message = `the socket ${subject} may not be opened by this user: ${remedy}`;
        return new NetError("forbidden", op, { message, subject, remedy, errno: error.code, cause: error });
      }
      case "EAGAIN": {
        // unix(7): the queue of connections that the daemon has not accepted yet is full.
        const message = `the daemon on ${subject} has too many connections waiting: try again`;
        return new NetError("unavailable", op, { message, subject, errno: error.code, cause: error });
      }
      default:
        if (isTlsRefusal(error)) return tlsRefusal(error, op, subject);
        return new NetError("unavailable", op, {
          message: `the connection to ${subject} broke before the answer was whole: ${errorText(error)}`,
          subject,
          // A certificate of another authority is refused after the handshake, without a word (node's TLS server).
          ...(error.code === "ECONNRESET" &&
            subject.startsWith("tcp:") && {
              remedy: "use a certificate of the authority that the daemon was given",
            }),
          ...(error.code !== undefined && { errno: error.code }),
          cause: error,
        });
    }
  }
}

/** TLS alerts, and what OpenSSL and node find wrong with the other side's certificate. */
function isTlsRefusal({ code = "" }: NodeJS.ErrnoException): boolean {
  return /^(ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code);
}

function tlsRefusal(error: NodeJS.ErrnoException, op: string, subject: string): NetError {
  const isTheirs = /ALERT/.test(error.code ?? "");
  const message = isTheirs
    ? `the daemon at ${subject} does not accept this client's certificate: ${errorText(error)}`
    : `the daemon at ${subject} could not be verified: ${errorText(error)}`;
  const remedy = isTheirs
    ? "use a certificate and key of the authority that the daemon was given"
    : "use the authority that the daemon's certificate is of, and an address that stands in the certificate";
  return new NetError("forbidden", op, { message, subject, remedy, cause: error });
}

function opOf({ method, path }: ApiRequest): string {
  return `${method} ${path.split("?", 1)[0] ?? path}`;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseAnswer(text: string, op: string, address: string): unknown {
  const value = tryParse(text);
  if (value === undefined) throw strange(op, address);
  return value;
}

function strange(op: string, subject: string): NetError {
  return new NetError("unavailable", op, {
    message: `what answers on ${subject} does not answer as netdock does`,
    subject,
    remedy: "name netdock's socket with -H or NETDOCK_HOST",
  });
}

/** The NetError in an error body; undefined when the value is none. An unknown code (newer daemon) is `internal`. */
export function reviveError(value: unknown): NetError | undefined {
  const { error } = (value ?? {}) as Partial<ErrorBody>;
  if (typeof error !== "object" || error === null || typeof error.message !== "string") return undefined;
  const { code, op, ...details } = error;
  return new NetError(isErrorCode(code) ? code : "internal", op, details);
}

function isErrorCode(code: string): code is ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(code);
}
