import type { Cidr, Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { NetworkId } from "./ids.ts";

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

/** A group of endpoints that can talk. Immutable once made; JSON as it is. */
export interface Network {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: string;
  readonly scope: Scope;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly internal: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly Pool[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `bridge`, `host` and `none`: made by netdock itself, never removed by a user. */
  readonly predefined: boolean;
}
