import type { IncomingMessage } from "node:http";
import { NetError } from "../base/errors.ts";
import type {
  DoctorReport,
  NetworkView,
  PartitionView,
  PeerRequest,
  PolicyRequest,
  ReconcileReport,
  SandboxView,
} from "../engine/contract.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { NetdockEvent } from "../model/events.ts";
import type { Lease } from "../model/ipam.ts";
import type { NetworkRequest } from "../model/network.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { SandboxRequest } from "../model/sandbox.ts";
import { parseHost, showAddress } from "./host.ts";
import { readTlsFiles, type TlsFiles } from "./tls-files.ts";
import {
  type ApiRequest,
  type RequestOptions,
  reviveError,
  Transport,
  type TransportTarget,
} from "./transport.ts";
import type {
  AdoptProcessRequest,
  ConnectRequest,
  Info,
  Ping,
  PruneReport,
  SandboxFiles,
  ShutdownReport,
  StopRequest,
  Version,
} from "./types.ts";

/**
 * The API as functions, one a route. A `ref` is a name, an id or a unique id prefix. Every failure is a NetError with the
 * code, field and words of the daemon; `unavailable` when no daemon answers, `cancelled` after an abort.
 */
export interface Client extends Disposable {
  /** Where the daemon is: a path, or `tcp://HOST:PORT`. */
  readonly address: string;

  ping(options?: RequestOptions): Promise<Ping>;
  version(options?: RequestOptions): Promise<Version>;
  info(options?: RequestOptions): Promise<Info>;
  /** The OpenAPI 3.1 document. */
  openapi(options?: RequestOptions): Promise<object>;
  doctor(options?: RequestOptions): Promise<DoctorReport>;
  reconcile(request: { readonly dryRun: boolean }, options?: RequestOptions): Promise<ReconcileReport>;
  /** Resolves when the daemon agreed to end, not when it has ended. */
  shutdown(options?: RequestOptions): Promise<ShutdownReport>;

  networks(options?: RequestOptions): Promise<readonly NetworkView[]>;
  network(ref: string, options?: RequestOptions): Promise<NetworkView>;
  createNetwork(request: NetworkRequest, options?: RequestOptions): Promise<NetworkView>;
  removeNetwork(ref: string, options?: RequestOptions): Promise<void>;
  pruneNetworks(options?: RequestOptions): Promise<PruneReport>;
  leases(ref: string, options?: RequestOptions): Promise<readonly Lease[]>;
  connect(networkRef: string, request: ConnectRequest, options?: RequestOptions): Promise<Endpoint>;
  disconnect(networkRef: string, sandboxRef: string, options?: RequestOptions): Promise<void>;
  /** Lets members of two networks open connections to each other, instead of what was between the two before. */
  peer(ref: string, request: PeerRequest, options?: RequestOptions): Promise<NetworkView>;
  unpeer(ref: string, otherRef: string, options?: RequestOptions): Promise<void>;
  /** Where members of a network, or one of them, may open connections to, in place of what was said before. */
  setPolicy(ref: string, request: PolicyRequest, options?: RequestOptions): Promise<NetworkView>;
  clearPolicy(ref: string, of: { readonly sandbox?: string }, options?: RequestOptions): Promise<void>;
  /** Frames between the sandbox and the network are lost until `heal`, and nobody is told. */
  cut(networkRef: string, sandboxRef: string, options?: RequestOptions): Promise<void>;
  heal(networkRef: string, sandboxRef: string, options?: RequestOptions): Promise<void>;
  partition(options?: RequestOptions): Promise<PartitionView>;
  /** Groups of sandboxes that cannot reach each other, instead of those of before; none heals. */
  setPartition(groups: readonly (readonly string[])[], options?: RequestOptions): Promise<void>;

  sandboxes(options?: RequestOptions): Promise<readonly SandboxView[]>;
  sandbox(ref: string, options?: RequestOptions): Promise<SandboxView>;
  createSandbox(request: SandboxRequest, options?: RequestOptions): Promise<SandboxView>;
  /** `force` also ends its process. */
  removeSandbox(ref: string, request: { readonly force: boolean }, options?: RequestOptions): Promise<void>;
  /** All of the ports, or none; `unpublish` names them as they were published. */
  publish(ref: string, ports: readonly string[], options?: RequestOptions): Promise<SandboxView>;
  unpublish(ref: string, ports: readonly string[], options?: RequestOptions): Promise<SandboxView>;
  /** Says anew who may use published ports: the sources behind each, or everybody. */
  allow(ref: string, ports: readonly string[], options?: RequestOptions): Promise<SandboxView>;
  startProcess(ref: string, process: ProcessSpec, options?: RequestOptions): Promise<SandboxView>;
  adoptProcess(ref: string, process: AdoptProcessRequest, options?: RequestOptions): Promise<SandboxView>;
  reportExit(ref: string, exitCode: number, options?: RequestOptions): Promise<void>;
  stopProcess(ref: string, request: StopRequest, options?: RequestOptions): Promise<void>;
  sandboxFiles(ref: string, options?: RequestOptions): Promise<SandboxFiles>;

  /**
   * Events from now on, or after `since`. Resolves when the daemon has subscribed us: nothing that happens afterwards is
   * missed. Ends when the daemon shuts down. Leaving the loop ends the subscription.
   */
  events(
    request: { readonly since?: number | undefined },
    options?: RequestOptions,
  ): Promise<AsyncIterableIterator<NetdockEvent>>;
  /** Output of a process that the daemon started, in bytes. `tail`: only so many last lines. */
  logs(
    ref: string,
    request: { readonly follow: boolean; readonly tail?: number | undefined },
    options?: RequestOptions,
  ): Promise<AsyncIterableIterator<Uint8Array>>;

  /** Drops kept connections and ends open streams. */
  close(): void;
}

export type ClientTarget =
  | { readonly socketPath: string }
  /** `tls`: for `tcp://`, which is reached with mutual TLS only. */
  | { readonly host: string; readonly tls?: TlsFiles | undefined };

/**
 * `host`: `unix:///path`, `/path` or `tcp://HOST:PORT`, as `-H` and `NETDOCK_HOST` take it. Connects with the first call, not
 * before. Throws `invalid`, also about the files of `tls`.
 */
export function connect(target: ClientTarget): Client {
  const transport = new Transport(transportTarget(target));

  const call = <T>(
    method: ApiRequest["method"],
    path: string,
    options: RequestOptions | undefined,
    body?: object,
  ): Promise<T> => transport.call<T>({ method, path, body, signal: options?.signal });

  const open = (path: string, options: RequestOptions | undefined): Promise<IncomingMessage> =>
    transport.stream({ method: "GET", path, signal: options?.signal });

  return {
    address: transport.address,
    ping: (options) => call("GET", "/ping", options),
    version: (options) => call("GET", "/version", options),
    info: (options) => call("GET", "/info", options),
    openapi: (options) => call("GET", "/openapi.json", options),
    doctor: (options) => call("GET", "/doctor", options),
    reconcile: (request, options) => call("POST", "/reconcile", options, request),
    shutdown: (options) => call("POST", "/shutdown", options),

    networks: (options) => call("GET", "/networks", options),
    network: (ref, options) => call("GET", at`/networks/${ref}`, options),
    createNetwork: (request, options) => call("POST", "/networks", options, request),
    removeNetwork: (ref, options) => call("DELETE", at`/networks/${ref}`, options),
    pruneNetworks: (options) => call("POST", "/networks/prune", options),
    leases: (ref, options) => call("GET", at`/networks/${ref}/leases`, options),
    connect: (ref, request, options) => call("POST", at`/networks/${ref}/connect`, options, request),
    disconnect: (ref, sandbox, options) =>
      call("POST", at`/networks/${ref}/disconnect`, options, { sandbox }),
    peer: (ref, request, options) => call("POST", at`/networks/${ref}/peer`, options, request),
    unpeer: (ref, network, options) => call("POST", at`/networks/${ref}/unpeer`, options, { network }),
    setPolicy: (ref, request, options) => call("POST", at`/networks/${ref}/policy`, options, request),
    clearPolicy: (ref, { sandbox }, options) =>
      call(
        "DELETE",
        at`/networks/${ref}/policy` +
          query({ sandbox: sandbox === undefined ? undefined : encodeURIComponent(sandbox) }),
        options,
      ),
    cut: (ref, sandbox, options) => call("POST", at`/networks/${ref}/cut`, options, { sandbox }),
    heal: (ref, sandbox, options) => call("POST", at`/networks/${ref}/heal`, options, { sandbox }),
    partition: (options) => call("GET", "/partition", options),
    setPartition: (groups, options) => call("POST", "/partition", options, { groups }),

    sandboxes: (options) => call("GET", "/sandboxes", options),
    sandbox: (ref, options) => call("GET", at`/sandboxes/${ref}`, options),
    createSandbox: (request, options) => call("POST", "/sandboxes", options, request),
    removeSandbox: (ref, { force }, options) =>
      call("DELETE", at`/sandboxes/${ref}` + query({ force }), options),
    publish: (ref, ports, options) =>
      call("POST", at`/sandboxes/${ref}/publish`, options, { publish: ports }),
    unpublish: (ref, ports, options) =>
      call("POST", at`/sandboxes/${ref}/unpublish`, options, { publish: ports }),
    allow: (ref, ports, options) => call("POST", at`/sandboxes/${ref}/allow`, options, { publish: ports }),
    startProcess: (ref, spec, options) => call("POST", at`/sandboxes/${ref}/process`, options, spec),
    adoptProcess: (ref, adopted, options) =>
      call("POST", at`/sandboxes/${ref}/adopt-process`, options, adopted),
    reportExit: (ref, exitCode, options) => call("POST", at`/sandboxes/${ref}/exit`, options, { exitCode }),
    stopProcess: (ref, request, options) => call("POST", at`/sandboxes/${ref}/stop`, options, request),
    sandboxFiles: (ref, options) => call("GET", at`/sandboxes/${ref}/files`, options),

    events: async ({ since }, options) => {
      const response = await open("/events" + query({ since }), options);
      return eventsOf(response, (error) => transport.failure(error, "events", options?.signal));
    },
    logs: async (ref, { follow, tail }, options) => {
      const response = await open(at`/sandboxes/${ref}/logs` + query({ follow, tail }), options);
      return bytesOf(response, (error) => transport.failure(error, "sandbox.logs", options?.signal));
    },

    close: () => transport.close(),
    [Symbol.dispose]: () => transport.close(),
  };
}

/** A path with its parameters escaped. */
function at(parts: TemplateStringsArray, ...refs: readonly string[]): string {
  return String.raw({ raw: parts }, ...refs.map((ref) => encodeURIComponent(ref)));
}

function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? "" : `?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`;
}

type Failure = (error: NodeJS.ErrnoException) => Error;

async function* bytesOf(
  response: IncomingMessage,
  failure: Failure,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (error) {
    throw failure(error as Error);
  } finally {
    response.destroy();
  }
}

/** One JSON value a line; a line with an error ends the stream with it. */
async function* eventsOf(
  response: IncomingMessage,
  failure: Failure,
): AsyncGenerator<NetdockEvent, void, undefined> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of textsOf(response, failure)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const value: unknown = JSON.parse(line);
      const error = reviveError(value);
      if (error !== undefined) throw error;
      yield value as NetdockEvent;
    }
  }
}

async function* textsOf(
  response: IncomingMessage,
  failure: Failure,
): AsyncGenerator<string, void, undefined> {
  try {
    for await (const chunk of response) yield chunk as string;
  } catch (error) {
    throw failure(error as Error);
  } finally {
    response.destroy();
  }
}

function transportTarget(target: ClientTarget): TransportTarget {
  if (!("host" in target)) {
    const address = parseHost(target.socketPath, "socketPath");
    if (address.kind === "unix") return address;
    throw new NetError("invalid", "client.connect", {
      message: `socketPath: ${showAddress(address)} is no path: give it as host`,
      field: "socketPath",
    });
  }
  const address = parseHost(target.host, "host");
  if (address.kind === "unix") return address;
  if (target.tls === undefined) {
    const remedy =
      "give --tlscacert, --tlscert and --tlskey, or name a folder with ca.pem, cert.pem and key.pem in NETDOCK_CERT_PATH";
    throw new NetError("invalid", "client.connect", {
      message: `host: ${showAddress(address)} is reached with mutual TLS only: ${remedy}`,
      field: "host",
      value: target.host,
      remedy,
    });
  }
  return { ...address, tls: readTlsFiles(target.tls) };
}
