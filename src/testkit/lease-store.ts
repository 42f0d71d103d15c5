import type { Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Lease, LeaseStore, PoolRecord } from "../model/ipam.ts";

/** A lease store that can be looked into and set back to an earlier state, as a transaction that rolled back would. */
export interface MemoryLeaseStore extends LeaseStore {
  /** What a rollback goes back to. Costs a copy of the maps. */
  snapshot(): () => void;
  lease(subnet: Subnet, address: Ip): Lease | undefined;
}

/** Keeps pools and leases in maps, in the order they were first saved. */
export function createMemoryLeaseStore(): MemoryLeaseStore {
  let pools = new Map<Subnet, PoolRecord>();
  let leases = new Map<Subnet, Map<Ip, Lease>>();
  return {
    loadPools: () => [...pools.values()],
    loadLeases: () => [...leases.values()].flatMap((pool) => [...pool.values()]),
    savePool(pool) {
      pools.set(pool.subnet, pool);
      if (!leases.has(pool.subnet)) leases.set(pool.subnet, new Map());
    },
    deletePool(subnet) {
      pools.delete(subnet);
      leases.delete(subnet);
    },
    saveLease(lease) {
      const pool = leases.get(lease.subnet);
      // A real store's foreign key says the same.
      if (pool === undefined) throw new Error(`no pool ${lease.subnet} for ${lease.address}`);
      pool.set(lease.address, lease);
    },
    deleteLease: (subnet, address) => leases.get(subnet)?.delete(address),
    snapshot() {
      const before = {
        pools: new Map(pools),
        leases: new Map([...leases].map(([s, pool]) => [s, new Map(pool)])),
      };
      return () => ({ pools, leases } = before);
    },
    lease: (subnet, address) => leases.get(subnet)?.get(address),
  };
}
