import type { Cidr, Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { NetworkId } from "./ids.ts";
import type { Protocol } from "./ports.ts";

export type Scope = "local" | "cluster";

/** One address pool as a user asks for it; every field may be left to the IPAM driver. */
export interface PoolRequest {
  /** CIDR without host bits, `10.5.0.0/24`. */
  readonly subnet?: string | undefined;
  /** CIDR inside `subnet` from which addresses are handed out. */
  readonly ipRange?: string | undefined;
  readonly gateway?: string | undefined;
  /** Addresses never handed out, by a name of the user's (`host: 10.5.0.9`). */
  readonly auxAddresses?: Readonly<Record<string, string>> | undefined;
}

/** What a user asks for; the shape of `POST /netdock/v1/networks`. Absent fields take the value in their comment. */
export interface NetworkRequest {
  readonly name: string;
  /** `bridge` */
  readonly driver?: string | undefined;
  /** false. No way out of the network and no way in from outside. */
  readonly internal?: boolean | undefined;
  /** false. Docker's mark for networks of a swarm that plain containers may join; kept and shown, without an effect here. */
  readonly attachable?: boolean | undefined;
  /** true */
  readonly enableIPv4?: boolean | undefined;
  /** false */
  readonly enableIPv6?: boolean | undefined;
  readonly ipam?:
    | {
        /** `default` */
        readonly driver?: string | undefined;
        readonly options?: Readonly<Record<string, string>> | undefined;
        /** One pool a family, chosen by the IPAM driver. */
        readonly config?: readonly PoolRequest[] | undefined;
      }
    | undefined;
  /** false. Only kept, for other networks to be made from; nothing is made, and nobody can join it. */
  readonly configOnly?: boolean | undefined;
  /** Network of configuration, by name or id, that says families, IPAM, options and labels; they are then not given here. */
  readonly configFrom?: string | undefined;
  /** Driver options under Docker's keys (`com.docker.network.bridge.name`). */
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A pool as it was granted. */
export interface Pool {
  readonly subnet: Subnet;
  readonly ipRange?: Subnet;
  /** The network's own address in the pool, with the pool's prefix length. Absent where the driver needs none. */
  readonly gateway?: Cidr;
  readonly auxAddresses: Readonly<Record<string, Ip>>;
}

/** What a link had before a network adopted it, and keeps when the network goes. */
export interface Adopted {
  readonly addresses: readonly Cidr[];
  /** It was down. */
  readonly down?: true;
  /** Values of the sysctls that the network changes. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Neighbouring ports of a protocol, first and last included. */
export interface PortSpan {
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
}

/** Another network to whose members a network's members may open connections. */
export interface Peer {
  readonly network: NetworkId;
  /** The ports there that may be used; none: all, and every protocol. */
  readonly ports: readonly PortSpan[];
}

/** Part of an egress policy: what may, or may not, be sent to these addresses and ports. */
export interface EgressRule {
  readonly action: "allow" | "deny";
  readonly to: Subnet;
  /** None: every port and protocol. */
  readonly ports: readonly PortSpan[];
}

/** Where members of a network may open connections to; the first rule that matches decides. */
export interface EgressPolicy {
  /** What no rule matches. */
  readonly default: EgressRule["action"];
  readonly rules: readonly EgressRule[];
}

/** A group of endpoints that can talk. Immutable snapshots, of which only the rules (peers, policy) change; JSON as it is. */
export interface Network {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: string;
  readonly scope: Scope;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly internal: boolean;
  readonly attachable?: true;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly Pool[];
    /** Pools as they were asked for; of networks of configuration only, which have none. */
    readonly config?: readonly PoolRequest[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Kept for other networks to be made from. */
  readonly configOnly?: true;
  /** Name of the network of configuration it was made from. */
  readonly configFrom?: string;
  /** The bridge was there before: it is used as it is, and left as it was. */
  readonly adopted?: Adopted;
  /** `bridge`, `host` and `none`: made by netdock itself, never removed by a user. */
  readonly predefined: boolean;
  /** Absent: none. */
  readonly peers?: readonly Peer[];
  /** Absent: members may send everywhere. */
  readonly policy?: EgressPolicy;
}
