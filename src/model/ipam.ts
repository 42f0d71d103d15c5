import type { Cidr, Subnet } from "../base/cidr.ts";
import type { Family, Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { Pool, PoolRequest } from "./network.ts";

/** Who asks for an address. The same owner asking again for the same pool gets the same address back. */
export interface LeaseClient {
  /** Endpoint id, or `gateway:<network>`, `aux:<name>`, `dhcp:<client id>`. */
  readonly id: string;
  readonly mac?: Mac | undefined;
  readonly hostname?: string | undefined;
}

/** DISCOVER: what the asker wants. */
export interface Discover {
  readonly subnet: Subnet;
  readonly client: LeaseClient;
  /** This very address, or none. */
  readonly address?: Ip | undefined;
}

/** OFFER: held for this client until `expires`, then free again by itself. */
export interface Offer {
  readonly subnet: Subnet;
  readonly client: LeaseClient;
  readonly address: Cidr;
  readonly gateway?: Ip;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export type LeaseState =
  /** REQUESTed: committed to the client in memory, not yet durable. */
  | "requested"
  /** ACKnowledged: durable. */
  | "bound"
  /** Given back; kept to remember how long ago, since the oldest is reused first. */
  | "released";

export interface Lease {
  readonly subnet: Subnet;
  readonly address: Ip;
  readonly clientId: string;
  readonly mac?: Mac | undefined;
  readonly hostname?: string | undefined;
  readonly state: LeaseState;
  /** Milliseconds since the epoch; absent for leases without end (engine endpoints, gateways). */
  readonly expires?: number | undefined;
  /** Order of release within the pool; the lowest is reused first. Present on released leases only. */
  readonly releasedSeq?: number | undefined;
}

/** One address pool as the IPAM driver keeps it and the store saves it. */
export interface PoolRecord {
  readonly subnet: Subnet;
  readonly ipRange?: Subnet | undefined;
  /** What owns the pool: a network id. */
  readonly owner: string;
}

/** How full a pool is (`Status.IPAM.Subnets` of Docker's network inspect). */
export interface PoolUsage {
  /** Addresses nobody else can have: granted, offered, or never anyone's (network and broadcast address). */
  readonly inUse: bigint;
  /** Addresses that are still handed out to who asks for none in particular. */
  readonly available: bigint;
}

/** What IPAM persists. Calls are synchronous and happen inside the caller's transaction. */
export interface LeaseStore {
  loadPools(): PoolRecord[];
  loadLeases(): Lease[];
  savePool(pool: PoolRecord): void;
  /** Removes the pool and every lease in it. */
  deletePool(subnet: Subnet): void;
  saveLease(lease: Lease): void;
  deleteLease(subnet: Subnet, address: Ip): void;
}

/** Prefixes no default pool may overlap: the host's routes and resolvers. */
export type TakenPrefix = { readonly prefix: Cidr; readonly why: string };

/** Changes of one store transaction, in IPAM's memory. Exactly one of both is called; they never nest. */
export interface IpamTransaction {
  commit(): void;
  /** Memory is again as it was at `begin()`, as the store is after its own rollback. */
  rollback(): void;
}

/** Hands out pools and addresses. */
export interface IpamDriver {
  readonly name: string;
  /** Called before the store's transaction in which any of the methods below are used. */
  begin(): IpamTransaction;
  /**
   * Reserves pools for a network: those asked for, or one per wanted family from the defaults. All or nothing.
   * Throws `invalid` (malformed, range or gateway outside), `conflict` (overlaps another pool; names it) or `exhausted`.
   */
  requestPools(request: {
    readonly owner: string;
    readonly pools: readonly PoolRequest[];
    readonly families: readonly Family[];
    readonly options: Readonly<Record<string, string>>;
    /** Whether the network needs a gateway address of its own in each pool. */
    readonly gateway: boolean;
    /** Families in which it takes none all the same, unless its user names one; absent: none. */
    readonly bare?: readonly Family[] | undefined;
    readonly taken: readonly TakenPrefix[];
  }): Pool[];
  /** Gives back every pool of that owner, with all leases. */
  releasePools(owner: string): void;
  /** Throws `exhausted`, `conflict` (address taken, names the holder) or `invalid` (outside the pool). */
  discover(discover: Discover): Offer;
  /** Commits an offer; throws `conflict` when it expired and went to someone else. */
  request(offer: Offer): Lease;
  /** Makes it durable. */
  acknowledge(lease: Lease): Lease;
  release(subnet: Subnet, address: Ip): void;
  /** Leases of a pool, bound and requested, lowest address first. */
  leases(subnet: Subnet): readonly Lease[];
  usage(subnet: Subnet): PoolUsage;
}
