import { invalid, NetError } from "../base/errors.ts";
import type { IpamDriver } from "../model/ipam.ts";

/** The IPAM driver `null`, for networks without addresses of their own (`host`, `none`): no pools, and no wish for any. */
export function createNullIpam(): IpamDriver {
  const refuse = (op: string) => (): never => {
    throw new NetError("unsupported", op, { message: "the IPAM driver null has no addresses" });
  };
  return {
    name: "null",
    begin: () => ({ commit: () => undefined, rollback: () => undefined }),
    requestPools: ({ pools, options }) => {
      const pool = pools.findIndex((asked) => Object.values(asked).some((value) => value !== undefined));
      const right = "the IPAM driver null gives no addresses; leave it out, or take the driver default";
      if (pool >= 0) throw invalid(`ipam.config[${pool}]`, pools[pool], right, "pool.request");
      const option = Object.keys(options)[0];
      if (option !== undefined)
        throw invalid(`ipam.options.${option}`, options[option], right, "pool.request");
      return [];
    },
    releasePools: () => undefined,
    discover: refuse("lease.discover"),
    request: refuse("lease.request"),
    acknowledge: refuse("lease.acknowledge"),
    release: () => undefined,
    leases: () => [],
    usage: refuse("lease.list"),
  };
}
