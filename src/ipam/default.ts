import { makeCidr, prefixLength, rangeOf, type Cidr, type Subnet } from "../base/cidr.ts";
import type { Clock } from "../base/clock.ts";
import { invalid, NetError, showValue } from "../base/errors.ts";
import { familyOf, ipToBigint, type Family, type Ip } from "../base/ip.ts";
import { shortId } from "../model/ids.ts";
import type {
  Discover,
  IpamDriver,
  IpamTransaction,
  Lease,
  LeaseStore,
  Offer,
  PoolRecord,
  PoolUsage,
} from "../model/ipam.ts";
import type { Pool } from "../model/network.ts";
import { pickSubnet, type DefaultPool } from "./default-pools.ts";
import { Journal } from "./journal.ts";
import { LEASE_LIMITS, LeasePool, type LeaseLimits } from "./lease-pool.ts";
import { RangeSet, rangeBy, takenRanges } from "./ranges.ts";
import { dynamicRange, parsePools, type WantedPool } from "./request.ts";

const OP = "pool.request";

export interface DefaultIpamParts {
  /** Read once, here. */
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** Where subnets come from that nobody chose, in this order: `defaultPools`, or `parseDefaultPools` of a configuration. */
  readonly pools: readonly DefaultPool[];
  /** Absent: `LEASE_LIMITS`. */
  readonly limits?: LeaseLimits | undefined;
}

type PoolsRequest = Parameters<IpamDriver["requestPools"]>[0];
type Used = RangeSet<{ readonly subnet: Subnet; readonly owner: string }>;

/** The IPAM driver `default`: pools of this host, addresses from memory, every change saved through the lease store. */
export function createDefaultIpam(parts: DefaultIpamParts): IpamDriver {
  return new DefaultIpam(parts);
}

class DefaultIpam implements IpamDriver {
  readonly name = "default";
  readonly #parts: DefaultIpamParts;
  readonly #journal = new Journal();
  readonly #pools = new Map<Subnet, LeasePool>();
  readonly #used: Readonly<Record<Family, Used>> = { 4: RangeSet.empty(), 6: RangeSet.empty() };

  constructor(parts: DefaultIpamParts) {
    this.#parts = parts;
    for (const record of parts.store.loadPools()) this.#add(this.#poolOf(record));
    const leases = Map.groupBy(parts.store.loadLeases(), (lease) => lease.subnet);
    for (const [subnet, pool] of this.#pools) pool.load(leases.get(subnet) ?? []);
  }

  begin(): IpamTransaction {
    return this.#journal.begin();
  }

  requestPools(request: PoolsRequest): Pool[] {
    const option = Object.keys(request.options)[0];
    if (option !== undefined) {
      const right = "the default IPAM driver has no options; leave it out";
      throw invalid(`ipam.options.${option}`, request.options[option], right, OP);
    }
    // Everything that can be refused is refused before anything is changed.
    const subnets = this.#chooseSubnets(parsePools(request.pools, request.families), request);
    for (const [wanted, subnet] of subnets) checkRoom(wanted, subnet, takesGateway(request, subnet));
    return subnets.map(([wanted, subnet]) => this.#create(wanted, subnet, request));
  }

  releasePools(owner: string): void {
    for (const pool of this.#pools.values()) {
      if (pool.record.owner !== owner) continue;
      this.#parts.store.deletePool(pool.record.subnet);
      this.#remove(pool);
    }
  }

  discover(discover: Discover): Offer {
    return this.#pool(discover.subnet, "lease.discover").discover(discover);
  }

  request(offer: Offer): Lease {
    return this.#pool(offer.subnet, "lease.request").request(offer);
  }

  acknowledge(lease: Lease): Lease {
    return this.#pool(lease.subnet, "lease.acknowledge").acknowledge(lease);
  }

  /** A pool that is gone has taken its leases with it: giving one back once more is fine. */
  release(subnet: Subnet, address: Ip): void {
    this.#pools.get(subnet)?.release(address);
  }

  leases(subnet: Subnet): readonly Lease[] {
    return this.#pool(subnet, "lease.list").leases();
  }

  usage(subnet: Subnet): PoolUsage {
    return this.#pool(subnet, "lease.list").usage();
  }

  #pool(subnet: Subnet, op: string): LeasePool {
    const pool = this.#pools.get(subnet);
    if (pool !== undefined) return pool;
    throw new NetError("not_found", op, { message: `there is no address pool ${subnet}`, subject: subnet });
  }

  #poolOf(record: PoolRecord): LeasePool {
    const { store, clock, limits = LEASE_LIMITS } = this.#parts;
    return new LeasePool(record, { store, clock, limits, journal: this.#journal });
  }

  #add(pool: LeasePool): void {
    const { subnet, owner } = pool.record;
    this.#journal.record(() => this.#remove(pool));
    this.#pools.set(subnet, pool);
    this.#used[familyOf(subnet)].add(rangeBy(subnet, { subnet, owner }));
  }

  #remove(pool: LeasePool): void {
    const { subnet } = pool.record;
    this.#journal.record(() => this.#add(pool));
    this.#pools.delete(subnet);
    this.#used[familyOf(subnet)].delete(rangeOf(subnet).first);
  }

  /** The subnets asked for first, so that those chosen here keep clear of them. Answers in the order of the request. */
  #chooseSubnets(wanted: readonly WantedPool[], request: PoolsRequest): [WantedPool, Subnet][] {
    for (const pool of wanted) if (pool.subnet !== undefined) this.#checkOverlap(pool.field, pool.subnet);
    // What this request takes is in the way of its own later choices, exactly as the host's prefixes are.
    // Routes to our own networks are known already as pools, and there can be thousands.
    const taken = request.taken.filter((entry) => !this.#pools.has(entry.prefix as Subnet));
    for (const { subnet } of wanted) {
      if (subnet !== undefined) taken.push({ prefix: subnet, why: "this network" });
    }
    return wanted.map((pool) => {
      if (pool.subnet !== undefined) return [pool, pool.subnet];
      const { family, size } = pool;
      const subnet = pickSubnet({
        pools: this.#parts.pools,
        family,
        size,
        field: pool.field,
        used: this.#used[family],
        taken: takenRanges(taken, family),
      });
      taken.push({ prefix: subnet, why: "this network" });
      return [pool, subnet];
    });
  }

  /** A subnet of the user's own may overlap routes of the host: who asks for it by name knows, as in Docker. */
  #checkOverlap(field: string, subnet: Subnet): void {
    const { first, last } = rangeOf(subnet);
    const other = this.#used[familyOf(subnet)].overlapping(first, last)?.by;
    if (other === undefined) return;
    throw new NetError("conflict", OP, {
      message:
        `${field}.subnet: ${subnet} overlaps ${other.subnet} of network ${shortId(other.owner)}: ` +
        "give a subnet that is free, or none to have one chosen",
      subject: other.owner,
      field: `${field}.subnet`,
      value: subnet,
    });
  }

  #create(wanted: WantedPool, subnet: Subnet, request: PoolsRequest): Pool {
    const { owner } = request;
    const { ipRange } = wanted;
    const record: PoolRecord = { subnet, owner, ...(ipRange === undefined ? {} : { ipRange }) };
    const pool = this.#poolOf(record);
    this.#parts.store.savePool(record);
    this.#add(pool);
    const grant = (client: string, address: Ip | undefined): Ip => {
      const offer = pool.discover({ subnet, client: { id: client }, address });
      return pool.acknowledge(pool.request(offer)).address;
    };
    // Named addresses before the gateway, which takes the first that is left.
    for (const [name, address] of wanted.aux) grant(`aux:${name}`, address);
    const needsGateway = takesGateway(request, subnet) || wanted.gateway !== undefined;
    const gateway = needsGateway ? gatewayOf(subnet, grant(`gateway:${owner}`, wanted.gateway)) : undefined;
    return {
      subnet,
      ...(ipRange === undefined ? {} : { ipRange }),
      ...(gateway === undefined ? {} : { gateway }),
      auxAddresses: Object.fromEntries(wanted.aux),
    };
  }
}

/** Whether the network takes an address of its own in the pool though its user named none. */
function takesGateway({ gateway, bare = [] }: PoolsRequest, subnet: Subnet): boolean {
  return gateway && !bare.includes(familyOf(subnet));
}

function gatewayOf(subnet: Subnet, address: Ip): Cidr {
  return makeCidr(address, prefixLength(subnet));
}

/** Refuses a pool whose named addresses leave none for the gateway that is still to be chosen. */
function checkRoom(wanted: WantedPool, subnet: Subnet, gateway: boolean): void {
  if (!gateway || wanted.gateway !== undefined) return;
  const { first, last } = dynamicRange(subnet, wanted.ipRange);
  const inRange = [...wanted.aux.values()].filter((ip) => ipToBigint(ip) >= first && ipToBigint(ip) <= last);
  if (BigInt(inRange.length) <= last - first) return;
  const field = `${wanted.field}.${wanted.ipRange === undefined ? "subnet" : "ipRange"}`;
  const value = wanted.ipRange ?? subnet;
  const remedy = "give a larger one, or a gateway outside it";
  throw new NetError("exhausted", OP, {
    message: `${field}: ${showValue(value)} has no address left for the gateway: ${remedy}`,
    field,
    value: showValue(value),
    remedy,
  });
}
