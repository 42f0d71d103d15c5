import type { FastifyReply } from "fastify";
import { errorText, NetError } from "../base/errors.ts";
import type { Engine, SandboxView } from "../engine/contract.ts";
import { sandboxFiles } from "./daemon-schemas.ts";
import { openLog } from "./logs.ts";
import {
  adoptProcessRequest,
  exitRequest,
  logsQuery,
  portsRequest,
  processSpec,
  removeQuery,
  sandboxRequest,
  stopRequest,
} from "./sandbox-requests.ts";
import { sandboxView } from "./sandbox-views.ts";
import { type Route, route, streamRoute } from "./routes.ts";
import { list, text } from "./schema.ts";
import { beginStream, type OpenStreams, pump } from "./streams.ts";

/** `docker stop` waits as long, with the same signal. */
const STOP_TIMEOUT_SECONDS = 10;
const SIGTERM = 15;

export function sandboxRoutes(engine: Engine, streams: OpenStreams): readonly Route[] {
  const tag = "sandboxes";
  return [
    route({
      method: "GET",
      path: "/sandboxes",
      op: "sandbox.list",
      tag,
      summary: "All sandboxes with their endpoints",
      refuses: [],
      status: 200,
      reply: list("Sandboxes", sandboxView),
      run: () => engine.sandboxes(),
    }),
    route({
      method: "POST",
      path: "/sandboxes",
      op: "sandbox.create",
      tag,
      summary: "Make a sandbox, join its networks, publish its ports and start its process: all or nothing",
      body: sandboxRequest,
      refuses: ["not_found", "conflict", "forbidden", "exhausted", "unsupported", "kernel"],
      status: 201,
      reply: sandboxView,
      run: ({ body }) => engine.createSandbox(body),
    }),
    route({
      method: "GET",
      path: "/sandboxes/:ref",
      op: "sandbox.inspect",
      tag,
      summary: "One sandbox",
      refuses: ["not_found", "conflict"],
      status: 200,
      reply: sandboxView,
      run: ({ ref }) => engine.sandbox(ref),
    }),
    route({
      method: "DELETE",
      path: "/sandboxes/:ref",
      op: "sandbox.remove",
      tag,
      summary: "Remove a sandbox",
      query: removeQuery,
      refuses: ["not_found", "conflict", "in_use", "kernel"],
      status: 204,
      run: async ({ ref, query }) => {
        await engine.removeSandbox(ref, { force: isYes(query.force) });
        return undefined;
      },
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/publish",
      op: "port.publish",
      tag,
      summary: "Publish further ports, live: all of them, or none",
      body: portsRequest,
      refuses: ["not_found", "conflict", "exhausted", "unsupported", "kernel"],
      status: 200,
      reply: sandboxView,
      run: ({ ref, body }) => engine.publish(ref, body.publish),
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/unpublish",
      op: "port.unpublish",
      tag,
      summary:
        "Withdraw published ports, live; without the host's port, whatever leads to that port of the sandbox",
      body: portsRequest,
      refuses: ["not_found", "conflict", "kernel"],
      status: 200,
      reply: sandboxView,
      run: ({ ref, body }) => engine.unpublish(ref, body.publish),
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/allow",
      op: "port.allow",
      tag,
      summary:
        "Say anew who may use published ports, live: the sources behind each (,from=CIDR), or everybody",
      body: portsRequest,
      refuses: ["not_found", "conflict", "kernel"],
      status: 200,
      reply: sandboxView,
      run: ({ ref, body }) => engine.allow(ref, body.publish),
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/process",
      op: "sandbox.start",
      tag,
      summary: "Start a process, by the daemon, in a sandbox that has none running",
      body: processSpec,
      refuses: ["not_found", "conflict", "in_use", "kernel"],
      status: 201,
      reply: sandboxView,
      run: ({ ref, body }) => engine.startProcess(ref, body),
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/adopt-process",
      op: "sandbox.adopt",
      tag,
      summary: "Watch a process that the client started in the sandbox itself",
      body: adoptProcessRequest,
      refuses: ["not_found", "conflict", "in_use"],
      status: 200,
      reply: sandboxView,
      run: ({ ref, body }) => engine.adoptProcess(ref, body),
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/exit",
      op: "sandbox.exit",
      tag,
      summary: "Say how an adopted process ended",
      body: exitRequest,
      refuses: ["not_found", "conflict"],
      status: 204,
      run: async ({ ref, body }) => {
        await engine.reportExit(ref, body.exitCode);
        return undefined;
      },
    }),
    route({
      method: "POST",
      path: "/sandboxes/:ref/stop",
      op: "sandbox.stop",
      tag,
      summary: "End the sandbox's process; fine when none runs",
      body: stopRequest,
      refuses: ["not_found", "conflict"],
      status: 204,
      run: async ({ ref, body }) => {
        const { timeoutSeconds = STOP_TIMEOUT_SECONDS, signal = SIGTERM } = body;
        await engine.stopProcess(ref, { timeoutSeconds, signal });
        return undefined;
      },
    }),
    route({
      method: "GET",
      path: "/sandboxes/:ref/files",
      op: "sandbox.files",
      tag,
      summary: "Files that a process started in the sandbox should see in /etc",
      refuses: ["not_found", "conflict"],
      status: 200,
      reply: sandboxFiles,
      run: ({ ref }) => engine.sandboxFiles(ref),
    }),
    streamRoute({
      method: "GET",
      path: "/sandboxes/:ref/logs",
      op: "sandbox.logs",
      tag,
      summary: "Output of the process that the daemon started, as it was written",
      query: logsQuery,
      refuses: ["not_found", "conflict", "exhausted"],
      status: 200,
      reply: text("Bytes of stdout and stderr"),
      replyType: "text/plain",
      run: async ({ ref, query }, reply) => {
        const tail = query.tail === undefined || query.tail === "all" ? undefined : Number(query.tail);
        await streamLog({ engine, streams, ref, tail, follow: isYes(query.follow), reply });
      },
    }),
  ];
}

function isYes(value: string | undefined): boolean {
  return value === "true" || value === "1";
}

async function streamLog(request: {
  readonly engine: Engine;
  readonly streams: OpenStreams;
  readonly ref: string;
  readonly tail: number | undefined;
  readonly follow: boolean;
  readonly reply: FastifyReply;
}): Promise<void> {
  const { engine, streams, tail, follow, reply } = request;
  const sandbox = engine.sandbox(request.ref);
  const log = await openLog(engine.logPath(sandbox.id), { follow });
  if (log === undefined && sandbox.status !== undefined) throw noLog(sandbox);

  const response = reply.raw;
  reply.hijack();
  beginStream(response, "text/plain; charset=utf-8");
  if (log === undefined) {
    response.end();
    return;
  }
  const ended = new AbortController();
  const unsubscribe = engine.subscribe(({ type, id, action }) => {
    if (type === "sandbox" && id === sandbox.id && (action === "die" || action === "destroy")) ended.abort();
  });
  const left = new AbortController();
  streams.add(response, () => {
    left.abort();
    unsubscribe();
  });
  // It may have ended before anybody listened.
  if (!isRunning(engine, sandbox.id)) ended.abort();
  try {
    await pump(log.read({ tail, ended: ended.signal, left: left.signal }), response, left.signal);
  } catch (error) {
    // The status is long sent: a connection that breaks is the only way left to say that something is missing.
    reply.log.error({ err: error, sandbox: sandbox.id }, `log stream failed: ${errorText(error)}`);
    response.destroy();
  }
}

function isRunning(engine: Engine, id: string): boolean {
  return engine.sandboxes().some((sandbox) => sandbox.id === id && sandbox.state === "running");
}

function noLog(sandbox: SandboxView): NetError {
  return new NetError("not_found", "sandbox.logs", {
    message: `sandbox ${sandbox.name} has no log: a client started its process, and has its output`,
    subject: sandbox.name,
  });
}
