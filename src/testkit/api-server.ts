import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../api/client.ts";
import { listenOnSocket } from "../api/listen.ts";
import { type Api, type ApiOptions, createApi } from "../api/server.ts";
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
