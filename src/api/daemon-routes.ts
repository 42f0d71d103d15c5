import { arch, release } from "node:os";
import { NetError } from "../base/errors.ts";
import type { Engine } from "../engine/contract.ts";
import {
  doctorReport,
  event,
  info,
  ping,
  reconcileReport,
  shutdownReport,
  version,
} from "./daemon-schemas.ts";
import { streamEvents } from "./events.ts";
import { eventsQuery, reconcileRequest } from "./request-schemas.ts";
import { type Route, route, streamRoute } from "./routes.ts";
import type { OpenStreams } from "./streams.ts";
import type { DaemonFacts } from "./types.ts";

/** Counts up with each change that a client can see. */
const API_VERSION = 1;

export interface DaemonRoutesContext {
  readonly engine: Engine;
  readonly streams: OpenStreams;
  readonly version: string;
  readonly info: () => DaemonFacts;
  readonly shutdown: (() => void) | undefined;
  readonly eventBufferBytes: number;
}

export function daemonRoutes(context: DaemonRoutesContext): readonly Route[] {
  const { engine, streams } = context;
  const tag = "daemon";
  return [
    route({
      method: "GET",
      path: "/ping",
      op: "ping",
      tag,
      summary: "Does the daemon answer?",
      refuses: [],
      status: 200,
      reply: ping,
      run: () => ({ ok: true as const }),
    }),
    route({
      method: "GET",
      path: "/version",
      op: "version",
      tag,
      summary: "What answers",
      refuses: [],
      status: 200,
      reply: version,
      run: () => ({
        name: "netdock" as const,
        version: context.version,
        apiVersion: API_VERSION,
        node: process.version,
        kernel: release(),
        arch: arch(),
      }),
    }),
    route({
      method: "GET",
      path: "/info",
      op: "info",
      tag,
      summary: "The daemon and what it holds",
      refuses: [],
      status: 200,
      reply: info,
      run: () => {
        const sandboxes = engine.sandboxes();
        return {
          ...context.info(),
          version: context.version,
          networks: engine.networks().length,
          endpoints: sandboxes.reduce((sum, sandbox) => sum + sandbox.endpoints.length, 0),
          sandboxes: {
            total: sandboxes.length,
            running: sandboxes.filter((sandbox) => sandbox.state === "running").length,
          },
          memoryBytes: process.memoryUsage.rss(),
          dns: engine.resolverMetrics(),
        };
      },
    }),
    streamRoute({
      method: "GET",
      path: "/events",
      op: "events",
      tag,
      summary: "What happens, one JSON object a line, until the client or the daemon leaves",
      query: eventsQuery,
      refuses: [],
      status: 200,
      reply: event,
      replyType: "application/x-ndjson",
      run: ({ query }, reply) => {
        const since = query.since === undefined ? undefined : Number(query.since);
        reply.hijack();
        streamEvents({ engine, since, response: reply.raw, streams, bufferBytes: context.eventBufferBytes });
      },
    }),
    route({
      method: "POST",
      path: "/reconcile",
      op: "reconcile",
      tag,
      summary: "Compare what should be with what the kernel holds, and repair the difference",
      body: reconcileRequest,
      refuses: ["kernel"],
      status: 200,
      reply: reconcileReport,
      run: ({ body }) => engine.reconcile({ dryRun: body.dryRun ?? false }),
    }),
    route({
      method: "GET",
      path: "/doctor",
      op: "doctor",
      tag,
      summary: "What of this machine's keeps traffic of netdock's from passing; changes nothing",
      refuses: ["kernel"],
      status: 200,
      reply: doctorReport,
      run: () => engine.examine(),
    }),
    shutdownRoute(context),
  ];
}

function shutdownRoute({ shutdown }: DaemonRoutesContext): Route {
  return route({
    method: "POST",
    path: "/shutdown",
    op: "shutdown",
    tag: "daemon",
    summary: "End the daemon; sandboxes, their networks and their processes stay",
    refuses: ["unsupported"],
    status: 202,
    reply: shutdownReport,
    run: (_call, reply) => {
      if (shutdown === undefined) {
        throw new NetError("unsupported", "shutdown", {
          message: "this API belongs to a program that does not end on request: end that program",
        });
      }
      // Only when the answer is out: the callback may close the server at once.
      reply.raw.once("finish", shutdown);
      return { pid: process.pid };
    },
  });
}
