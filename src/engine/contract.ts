import type { Subnet } from "../base/cidr.ts";
import type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
import type { NetdockEvent } from "../model/events.ts";
import type { Lease } from "../model/ipam.ts";
import type { Network, NetworkRequest } from "../model/network.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { ResolverMetrics } from "../model/resolver.ts";
import type { Sandbox, SandboxRequest } from "../model/sandbox.ts";
import type { Containers } from "./containers/contract.ts";

/** One direction in which two networks are peers, as one of them shows it. */
export interface Peering {
  /** `to`: this network's members may open connections to the other's; `from`: the other's to this one's. */
  readonly direction: "to" | "from";
  /** Name of the other network. */
  readonly network: string;
  /** `80/tcp`, `8000-8009/udp`; none: all. */
  readonly ports: readonly string[];
}

export interface PeerRequest {
  /** The other network by name, id or unique id prefix. */
  readonly network: string;
  /** false. Only the first network's members may open connections. */
  readonly oneWay?: boolean | undefined;
  /** `80`, `80/tcp`, `8000-8009/udp`; absent or none: all, and every protocol. */
  readonly ports?: readonly string[] | undefined;
}

/** An egress policy as it is shown and set: an ordered list, of which the first rule that matches decides. */
export interface PolicyView {
  /** Whose it is; absent: the network's. */
  readonly sandbox?: string;
  readonly default: "allow" | "deny";
  /** `allow=10.0.0.0/8,443/tcp`, `deny=fd00::/8`. */
  readonly rules: readonly string[];
}

export interface PolicyRequest {
  /** Sandbox on the network, whose traffic is then judged by this policy in place of the network's; absent: the network. */
  readonly sandbox?: string | undefined;
  readonly default: "allow" | "deny";
  readonly rules: readonly string[];
}

/** How full a pool of a network is; counts beyond 2^53 - 1 are given as that. */
export interface PoolUsageView {
  readonly subnet: Subnet;
  /** Addresses granted, offered, or never anyone's (network and broadcast address). */
  readonly inUse: number;
  /** Addresses of the range (without one: of the subnet) still free for who asks for none in particular. */
  readonly available: number;
}

/** A network with who is on it. */
export interface NetworkView extends Network {
  readonly usage: readonly PoolUsageView[];
  readonly peerings: readonly Peering[];
  /** The network's own, then its members'. */
  readonly policies: readonly PolicyView[];
  readonly endpoints: readonly (Endpoint & { readonly sandboxName: string })[];
}

/** A sandbox with its endpoints, the holder of the default route first. */
export interface SandboxView extends Sandbox {
  /** What became of its questions since its resolver was started; absent: it has none. */
  readonly resolver?: ResolverMetrics;
  readonly endpoints: readonly (Endpoint & { readonly networkName: string; readonly driver: string })[];
}

/** One difference between what should be and what the kernel holds. */
export interface Difference {
  /** `link br-1234 is missing`, as a person reads it. */
  readonly text: string;
  readonly subject: string;
}

export interface ReconcileReport {
  readonly differences: readonly Difference[];
  /** False on a dry run. */
  readonly repaired: boolean;
}

/** Something that keeps traffic of netdock's from passing, or may. */
export interface Finding {
  /** A warning may be none: it depends on what netdock cannot tell. */
  readonly severity: "problem" | "warning";
  readonly check: "filter" | "sysctl" | "kernel";
  readonly text: string;
  /** Where packets are dropped; without a rule it is the chain's policy. */
  readonly filter?:
    | {
        readonly family: string;
        readonly table: string;
        readonly chain: string;
        readonly handle?: string | undefined;
        readonly rule?: string | undefined;
      }
    | undefined;
  /** What would not pass, in words. */
  readonly affects: readonly string[];
  /** The command that would allow it. */
  readonly remedy?: string | undefined;
}

export interface DoctorReport {
  readonly findings: readonly Finding[];
  /** How many ways through the host's filters were followed. */
  readonly flows: number;
}

/** What is cut on purpose now, by name. */
export interface PartitionView {
  readonly cut: readonly { readonly sandbox: string; readonly network: string }[];
  /** Groups that cannot reach each other; none: everybody reaches whom the networks let them. */
  readonly groups: readonly (readonly string[])[];
}

/**
 * The controller as its callers see it: the HTTP API, the adapters and the in-process library. References (`ref`) are full
 * ids, exact names or unique id prefixes, in this order. Failures are NetErrors.
 */
export interface Engine {
  /** Names of the network drivers there are. */
  networkDrivers(): readonly string[];
  createNetwork(request: NetworkRequest): Promise<NetworkView>;
  networks(): readonly NetworkView[];
  network(ref: string): NetworkView;
  removeNetwork(ref: string): Promise<void>;
  /** Removes every network without endpoints that a user made (and that `which` takes); returns their names. */
  pruneNetworks(which?: (network: Network) => boolean): Promise<readonly string[]>;
  leases(ref: string): readonly Lease[];

  /**
   * Lets members of two networks open connections to each other, with their own addresses, instead of what was between the
   * two before. Isolation ends for these two only. Refused for internal networks (`invalid`) and for drivers that do not
   * route by the host (`unsupported`).
   */
  peer(ref: string, request: PeerRequest): Promise<NetworkView>;
  /** Isolates two networks again, both ways. Connections that stand are not cut. `not_found` when they are no peers. */
  unpeer(ref: string, otherRef: string): Promise<void>;
  /**
   * Says where members of a network, or one of them, may open connections to beyond it, in place of what was said before.
   * Connections that stand are not cut. The host itself is not beyond: its own services are judged by its own firewall.
   */
  setPolicy(ref: string, request: PolicyRequest): Promise<NetworkView>;
  /** Takes a policy away; `not_found` when there is none. */
  clearPolicy(ref: string, of: { readonly sandbox?: string | undefined }): Promise<void>;

  /** Joins a sandbox to a network, live. `request.network` is the network's ref. */
  connect(sandboxRef: string, request: EndpointRequest): Promise<Endpoint>;
  disconnect(sandboxRef: string, networkRef: string): Promise<void>;

  /**
   * Cuts a sandbox's link to a network, or heals it: frames are lost in both directions, without a change of carrier and
   * without an error to anybody. Not stored: healed at the next start. `unsupported` where the driver has no port to cut.
   */
  setLink(sandboxRef: string, networkRef: string, to: { readonly connected: boolean }): Promise<void>;
  /**
   * Keeps groups of sandboxes from reaching each other, on shared networks and by published ports, in both directions and
   * instead of the groups of before; no groups heal. Who is in no group reaches everybody. Cut links stay cut.
   */
  setPartition(groups: readonly (readonly string[])[]): Promise<void>;
  partition(): PartitionView;

  /**
   * Publishes further ports of a sandbox, live, in `SandboxRequest.publish`'s spelling: all of them, or (`conflict`, naming
   * who has a port) none.
   */
  publish(sandboxRef: string, ports: readonly string[]): Promise<SandboxView>;
  /**
   * Withdraws published ports, in the same spelling; without the host's port, whatever leads to that port of the sandbox.
   * Connections that stand are not cut. `not_found` when one of them is not published: then all stay.
   */
  unpublish(sandboxRef: string, ports: readonly string[]): Promise<SandboxView>;
  /**
   * Says anew who may use published ports, named as `unpublish` names them: the sources behind each (`,from=192.0.2.0/24`), or
   * everybody. Nobody finds a port closed meanwhile, and connections that stand are not cut. `not_found` as above.
   */
  allow(sandboxRef: string, ports: readonly string[]): Promise<SandboxView>;

  /** Makes the stack, joins its networks, publishes its ports and starts its process, all or nothing. */
  createSandbox(request: SandboxRequest): Promise<SandboxView>;
  sandboxes(): readonly SandboxView[];
  sandbox(ref: string): SandboxView;
  /** Starts a process by the daemon in a sandbox that has none running. */
  startProcess(ref: string, process: ProcessSpec): Promise<SandboxView>;
  /** A client started this process in the sandbox itself (`netdock run` in the foreground); the engine watches it. */
  adoptProcess(
    ref: string,
    process: { readonly pid: number; readonly spec: ProcessSpec },
  ): Promise<SandboxView>;
  /** The client's word on how its process ended. */
  reportExit(ref: string, exitCode: number): Promise<void>;
  /** SIGTERM, then SIGKILL after the given time. Fine when nothing runs. */
  stopProcess(
    ref: string,
    request: { readonly timeoutSeconds: number; readonly signal: number },
  ): Promise<void>;
  /** `force` also ends its process; without it a running sandbox is refused (`in_use`). */
  removeSandbox(ref: string, request: { readonly force: boolean }): Promise<void>;
  /** File to which a detached process's output is appended. */
  logPath(ref: string): string;
  /** Files a client needs to start a process in the sandbox the way the daemon would. */
  sandboxFiles(ref: string): {
    readonly resolvConf: string;
    readonly hosts: string;
    readonly hostname: string;
  };

  /** Commands that can be started again and again, in a new sandbox each time. */
  readonly containers: Containers;

  /** Calls back for every event after `since` (a seq; absent: only new ones) until the returned function is called. */
  subscribe(listener: (event: NetdockEvent) => void, since?: number): () => void;
  reconcile(request: { readonly dryRun: boolean }): Promise<ReconcileReport>;
  /** What of this machine's keeps traffic of ours from passing; changes nothing. */
  examine(): Promise<DoctorReport>;
  /**
   * Takes everything of netdock's out of the kernel, for a daemon that nobody needs any more; refused (`in_use`) while
   * there are sandboxes or networks of users. The next start makes it again.
   */
  withdraw(): Promise<void>;
  /** What the embedded resolver did since this engine was started. */
  resolverMetrics(): ResolverMetrics;
  /** Stops services and closes sockets; the data plane stays. */
  close(): Promise<void>;
}
