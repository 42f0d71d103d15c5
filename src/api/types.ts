import type { EndpointRequest } from "../model/endpoint.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { ResolverMetrics } from "../model/resolver.ts";

/**
 * Shapes that travel over the API and are not nouns of the model. Types only: the client, the CLI and the adapters import
 * this file without loading anything of the server.
 */

/** Where the API of this major version lives. */
export type ApiBase = "/netdock/v1";

export interface Ping {
  readonly ok: true;
}

export interface Version {
  readonly name: "netdock";
  /** Of netdock itself, as in package.json. */
  readonly version: string;
  /** Counts up with each change of the API that clients can see; 1 is the first. */
  readonly apiVersion: number;
  readonly node: string;
  /** Kernel release, as `uname -r` prints it. */
  readonly kernel: string;
  readonly arch: string;
}

/** What the daemon knows about itself and the API cannot learn from the engine. */
export interface DaemonFacts {
  readonly pid: number;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly stateDir: string;
  readonly runDir: string;
  /** Path of the socket this API answers on. */
  readonly socket: string;
  /** True when `netdock up` started the daemon, which `netdock down` may then stop. */
  readonly autoStarted: boolean;
}

export interface Info extends DaemonFacts {
  readonly version: string;
  readonly networks: number;
  readonly endpoints: number;
  readonly sandboxes: {
    readonly total: number;
    readonly running: number;
  };
  /** Resident memory of the daemon. */
  readonly memoryBytes: number;
  /** What the embedded resolver did since the daemon was started. */
  readonly dns: ResolverMetrics;
}

export interface PruneReport {
  /** Names of the networks removed. */
  readonly removed: readonly string[];
}

/** Body of `POST /networks/:ref/connect`. */
export interface ConnectRequest extends Omit<EndpointRequest, "network"> {
  /** Sandbox by name, id or unique id prefix. */
  readonly sandbox: string;
}

export interface DisconnectRequest {
  readonly sandbox: string;
}

/** Body of `POST /networks/:ref/unpeer`. */
export interface UnpeerRequest {
  readonly network: string;
}

/** Body of `POST /networks/:ref/cut` and `…/heal`. */
export interface LinkRequest {
  readonly sandbox: string;
}

/** Body of `POST /sandboxes/:ref/publish`, `…/unpublish` and `…/allow`. */
export interface PortsRequest {
  readonly publish: readonly string[];
}

/** Body of `POST /partition`. */
export interface PartitionRequest {
  /** Sandboxes by name, id or unique id prefix. Groups cannot reach each other; none heals. */
  readonly groups: readonly (readonly string[])[];
}

/** A process a client started in the sandbox itself. */
export interface AdoptProcessRequest {
  readonly pid: number;
  readonly spec: ProcessSpec;
}

export interface ExitRequest {
  /** 0–255; 128+n after signal n. */
  readonly exitCode: number;
}

export interface StopRequest {
  /** 10. Seconds between `signal` and SIGKILL. */
  readonly timeoutSeconds?: number | undefined;
  /** 15 (SIGTERM). */
  readonly signal?: number | undefined;
}

/** Paths of files that stand in for `/etc/resolv.conf`, `/etc/hosts` and `/etc/hostname` in the sandbox. */
export interface SandboxFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
}

export interface ReconcileRequest {
  /** false. Only say what differs. */
  readonly dryRun?: boolean | undefined;
}

export interface ShutdownReport {
  /** The process that ends now; wait for it to be gone. */
  readonly pid: number;
}

/** Body of every answer that is not a success, and the last line of an event stream that was cut: `NetError.toJSON()`. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly op: string;
    readonly message: string;
    readonly subject?: string;
    readonly field?: string;
    readonly value?: string;
    readonly remedy?: string;
    readonly errno?: string;
    readonly kernel?: string;
  };
}
