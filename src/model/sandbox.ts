import type { Ip } from "../base/ip.ts";
import type { EndpointRequest } from "./endpoint.ts";
import type { SandboxId } from "./ids.ts";
import type { PortBinding, PortMapping } from "./ports.ts";
import type { ProcessSpec, ProcessStatus } from "./process.ts";

/** Where a sandbox's namespace comes from. */
export type NetnsSource =
  /** netdock makes it and drops it with the sandbox. */
  | { readonly kind: "own" }
  /** Somebody else's, by path (`/run/netns/x`, `/proc/7/ns/net`); netdock only adds and removes links. */
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "pid"; readonly pid: number }
  /** The host's own namespace (`host` network). */
  | { readonly kind: "host" };

export interface DnsRequest {
  /** Upstream servers instead of the host's. */
  readonly servers?: readonly string[] | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

/** What a user asks for; the shape of `POST /netdock/v1/sandboxes`. */
export interface SandboxRequest {
  /** Absent: netdock makes up a readable one. */
  readonly name?: string | undefined;
  /** Absent: the short id. */
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Networks to join in this order; absent: `bridge`. */
  readonly networks?: readonly EndpointRequest[] | undefined;
  /** Docker's spelling: `8080:80`, `127.0.0.1:8000-8009:80-89/udp`, `[::1]:80:80`, `80`. */
  readonly publish?: readonly string[] | undefined;
  /** Ports the sandbox serves: `80`, `53/udp`, `8000-8009`. Says nothing to the firewall unless `publishAll`. */
  readonly expose?: readonly string[] | undefined;
  /** false. Every exposed port that `publish` does not name gets a free port of the host. */
  readonly publishAll?: boolean | undefined;
  readonly dns?: DnsRequest | undefined;
  /** `name:ip`; the ip `host-gateway` stands for the host. */
  readonly extraHosts?: readonly string[] | undefined;
  /** Namespaced sysctls (`net.…`) set in the sandbox. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  readonly netns?: { readonly path: string } | { readonly pid: number } | undefined;
  /** A command the daemon starts in the sandbox and watches. */
  readonly process?: ProcessSpec | undefined;
  /** false. Remove the sandbox when its process ends. */
  readonly autoRemove?: boolean | undefined;
}

/**
 * `created`: the stack exists and no process of ours was started (also every adopted namespace).
 * `running`: its process runs. `exited`: its process ended; names, addresses and ports stay until the sandbox is removed.
 */
export type SandboxState = "created" | "running" | "exited";

export interface ExtraHost {
  readonly name: string;
  readonly ip: Ip;
}

/** A container's network stack. Immutable snapshots; JSON as it is. */
export interface Sandbox {
  readonly id: SandboxId;
  readonly name: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly netns: NetnsSource;
  /** Path at which the namespace can be entered (`nsenter --net=PATH`). */
  readonly netnsPath: string;
  readonly ports: readonly PortMapping[];
  readonly bindings: readonly PortBinding[];
  readonly dns: {
    readonly servers: readonly Ip[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly extraHosts: readonly ExtraHost[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** UDP and TCP port of the embedded resolver behind 127.0.0.11:53; absent where the resolver is not needed. */
  readonly resolverPort?: number;
  readonly state: SandboxState;
  readonly process?: ProcessSpec;
  readonly status?: ProcessStatus;
  readonly autoRemove: boolean;
}
