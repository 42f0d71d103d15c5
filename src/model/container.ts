import type { EndpointRequest } from "./endpoint.ts";
import type { SandboxId } from "./ids.ts";
import type { DnsRequest } from "./sandbox.ts";

/** Where the stack of a container comes from. */
export type ContainerNetwork =
  /** A sandbox of its own on these networks, in this order; none: the one network `none`. */
  | { readonly kind: "own"; readonly networks: readonly EndpointRequest[] }
  /** The stack of another container or sandbox, by its id. */
  | { readonly kind: "container"; readonly id: string };

/** What a user asks for; JSON as it is. */
export interface ContainerSpec {
  /** argv, at least one element; argv[0] is looked up in PATH of `env`. */
  readonly command: readonly string[];
  /** `NAME=value`; complete. */
  readonly env: readonly string[];
  /** Absolute; absent: `/`. */
  readonly workingDir?: string | undefined;
  /** A terminal in place of three streams. */
  readonly tty: boolean;
  /** Somebody may write to its standard input. */
  readonly stdin: boolean;
  /** Its standard input ends when the first who wrote to it leaves. */
  readonly stdinOnce: boolean;
  /** Signal that asks it to end. */
  readonly stopSignal: number;
  /** Seconds after which it is killed then; negative: never; absent: 10. */
  readonly stopTimeoutSeconds?: number | undefined;
  /** Absent: the short id. */
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: ContainerNetwork;
  /** As in SandboxRequest. */
  readonly publish: readonly string[];
  readonly expose: readonly string[];
  readonly publishAll: boolean;
  readonly dns: DnsRequest;
  readonly extraHosts: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Remove it when its command ends. */
  readonly autoRemove: boolean;
  /** What the API that it was made by wants to show of the request besides; the engine does not look into it. */
  readonly asked: unknown;
}

/** How a container's last run went. */
export interface ContainerRun {
  readonly startedAt: string;
  readonly finishedAt: string;
  /** 255, as in Docker, when it ended while nobody could learn how. */
  readonly exitCode: number;
  readonly error?: string;
}

/**
 * A command that can be started again and again, in a new stack each time: as long as it runs there is a sandbox of the same
 * id and name. Immutable snapshots.
 */
export interface Container {
  readonly id: SandboxId;
  readonly name: string;
  readonly created: string;
  readonly spec: ContainerSpec;
  /** The last run that ended; absent: none did. */
  readonly last?: ContainerRun;
  /** Why the last start failed; gone with the next one that does not. */
  readonly failure?: { readonly message: string; readonly exitCode: number };
}
