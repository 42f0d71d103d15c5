/**
 * netdock as a library: a client of the daemon (`connect`), and an engine in this very process (`createEngine`) with which
 * tests give each node of a distributed system a network stack of its own, and break the network between them.
 */
import type { NetworkEngine } from "./lab/engine.ts";
import type { EngineOptions } from "./lab/types.ts";

export { type Client, connect } from "../api/client.ts";
export { ERROR_CODES, type ErrorCode, isNetError, NetError } from "../base/errors.ts";
export type { NetworkView, PartitionView, SandboxView } from "../engine/contract.ts";
export type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
export type { NetdockEvent } from "../model/events.ts";
export type { Network, NetworkRequest } from "../model/network.ts";
export type { PortBinding } from "../model/ports.ts";
export type { ProcessSpec, ProcessStatus } from "../model/process.ts";
export type { Sandbox, SandboxRequest, SandboxState } from "../model/sandbox.ts";
export type { NetworkEngine } from "./lab/engine.ts";
export type { NetworkHandle } from "./lab/network.ts";
export type { SandboxHandle } from "./lab/sandbox.ts";
export type {
  CommandSpec,
  DialOptions,
  EngineOptions,
  ExecOptions,
  ExecResult,
  FetchOptions,
  ListenOptions,
  SandboxSpec,
} from "./lab/types.ts";

/**
 * Starts an engine in this process. By default it has a network namespace of its own for a host: what it makes is seen by
 * nobody else, and the machine's network is never touched. Needs Linux, and root (of the machine, or of a user namespace).
 * No mount is made in the caller's mount namespace. Of a process that was killed nothing stays but its folder and the
 * processes it had started, cut off from everything; the next engine ends and removes them.
 *
 * ```ts
 * await using net = await createEngine();
 * await net.createNetwork("front");
 * const db = await net.start({ name: "db", networks: ["front"], command: ["node", "db.ts"] });
 * const web = await net.start({ name: "web", networks: ["front"], publish: ["8080:80"], command: ["node", "web.ts"] });
 * await db.line("listening");
 * await net.partition([[web], [db]]); // frames vanish, connections stall
 * await net.heal(); // and go on
 * ```
 *
 * Throws `forbidden` without the rights, `unsupported` where the kernel lacks something, and with `host: "current"`
 * `conflict` when another netdock works in this namespace.
 */
export async function createEngine(options: EngineOptions = {}): Promise<NetworkEngine> {
  // Loaded only now: who only wants the client gets along without the kernel's part.
  const { create } = await import("./lab/create.ts");
  return create(options);
}
