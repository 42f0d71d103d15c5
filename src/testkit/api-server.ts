import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../api/client.ts";
import { listenOnSocket } from "../api/listen.ts";
import { type Api, type ApiOptions, createApi } from "../api/server.ts";
import type { ErrorBody } from "../api/types.ts";
import type { Engine } from "../engine/contract.ts";
import { type ScriptedEngine, scriptedEngine } from "./scripted-engine.ts";

/** A directory of its own, removed when disposed. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "netdock-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface RunningApi extends AsyncDisposable {
  readonly api: Api;
  readonly engine: ScriptedEngine;
  readonly client: Client;
  readonly directory: string;
  readonly socketPath: string;
}

/** The real server on a real socket, with an engine that does as the test says, and a client of it. */
export async function startApi(
  script: Partial<Engine> = {},
  options: Partial<ApiOptions> & { readonly prepare?: (api: Api) => void } = {},
): Promise<RunningApi> {
  const { prepare, ...rest } = options;
  const directory = temporaryDirectory();
  const socketPath = join(directory.path, "api.sock");
  const engine = scriptedEngine(script);
  const api = createApi({
    engine,
    version: "0.0.0-test",
    info: () => ({
      pid: process.pid,
      startedAt: "2026-01-31T12:00:00.000Z",
      stateDir: directory.path,
      runDir: directory.path,
      socket: socketPath,
      autoStarted: false,
    }),
    ...rest,
  });
  prepare?.(api);
  await listenOnSocket(api, { path: socketPath });
  const client = connect({ socketPath });
  return {
    api,
    engine,
    client,
    directory: directory.path,
    socketPath,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await api.close();
      directory[Symbol.dispose]();
    },
  };
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** A request as any HTTP client would send it, without our own client in between. */
export function send(
  { socketPath }: RunningApi,
  request: {
    readonly method?: string;
    readonly path: string;
    readonly body?: string | undefined;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Answer> {
  const { method = "GET", path, body, headers = {} } = request;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = httpRequest({ socketPath, method, path, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => (text += String(chunk)));
    response.on("end", () => {
      resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"], text });
    });
    response.on("error", reject);
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

export const JSON_TYPE = { "content-type": "application/json" };

/** The error in an answer's body. */
export function errorOf({ text }: { readonly text: string }): ErrorBody["error"] {
  return (JSON.parse(text) as ErrorBody).error;
}

/** What follows the headers of a raw answer. */
export function bodyOf(raw: string): { readonly text: string } {
  return { text: raw.slice(raw.indexOf("\r\n\r\n") + 4) };
}

/**
 * What a server says to bytes that are no well-behaved client's. `end`: nothing more follows (the socket is half closed).
 * Resolves when the server closes the connection.
 */
export function sendRaw(
  socketPath: string,
  bytes: string,
  { end }: { readonly end: boolean },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectSocket({ path: socketPath, allowHalfOpen: true });
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk) => (answer += String(chunk)));
  socket.on("error", reject);
  socket.on("end", () => {
    socket.end();
    resolve(answer);
  });
  if (end) socket.end(bytes);
  else socket.write(bytes);
  return promise;
}

/** Open descriptors of this process by what they are, to be compared before and after. */
export function openDescriptors(): readonly string[] {
  const found: string[] = [];
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      found.push(readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, "#"));
    } catch {
      // The descriptor of the listing itself is closed by now.
    }
  }
  return found.toSorted();
}
