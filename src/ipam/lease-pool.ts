import { addressOf, makeCidr, prefixLength, rangeOf } from "../base/cidr.ts";
import type { Clock } from "../base/clock.ts";
import { invalid, NetError } from "../base/errors.ts";
import { familyOf, ipFromBigint, ipToBigint, type Family, type Ip } from "../base/ip.ts";
import type {
  Discover,
  Lease,
  LeaseClient,
  LeaseStore,
  Offer,
  PoolRecord,
  PoolUsage,
} from "../model/ipam.ts";
import type { Journal } from "./journal.ts";
import { LeaseTable } from "./lease-table.ts";
import { dynamicRange, reservedAs } from "./request.ts";

export interface LeaseLimits {
  /** How long an offer is held for its client. */
  readonly offerMillis: number;
  /**
   * Released addresses remembered per pool, so that the longest released is reused first; beyond them the oldest is forgotten
   * and counts as never used. Without an end, an IPv6 pool would remember one address for every container there ever was.
   */
  readonly rememberReleased: number;
}

export const LEASE_LIMITS: LeaseLimits = { offerMillis: 10_000, rememberReleased: 16_384 };

/**
 * The lease machine of one pool (RFC 2131 section 3.1, for every kind of asker). Which address comes next depends on the
 * leases and offers alone, never on history, so a pool read from the store goes on exactly as the one that wrote it:
 * the lowest address without a lease or offer, and when there is none left, the one released longest ago.
 */
export class LeasePool {
  readonly record: PoolRecord;
  readonly #store: LeaseStore;
  readonly #clock: Clock;
  readonly #limits: LeaseLimits;
  readonly #table: LeaseTable;
  readonly #family: Family;
  /** Addresses of the subnet that can belong to anyone. */
  readonly #usable: { readonly first: bigint; readonly last: bigint };
  /** Only counts up, also over a rollback: gaps mean nothing. */
  #releases = 0;

  constructor(
    record: PoolRecord,
    parts: {
      readonly store: LeaseStore;
      readonly clock: Clock;
      readonly limits: LeaseLimits;
      readonly journal: Journal;
    },
  ) {
    this.record = record;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#limits = parts.limits;
    this.#family = familyOf(record.subnet);
    this.#usable = dynamicRange(record.subnet, undefined);
    this.#table = new LeaseTable(dynamicRange(record.subnet, record.ipRange), parts.journal);
  }

  /**
   * Takes in what was stored. A lease that was requested and never acknowledged died with the process that asked for it:
   * its address is free.
   */
  load(leases: readonly Lease[]): void {
    for (const lease of leases) {
      if (lease.state === "requested") continue;
      this.#releases = Math.max(this.#releases, lease.releasedSeq ?? 0);
      this.#table.set(lease.address, lease, undefined);
    }
    // Walks past all that is in use once, here, rather than when the first sandbox waits for its address.
    this.#lowestFresh();
  }

  discover(discover: Discover): Offer {
    const { client, address: wanted } = discover;
    const now = this.#clock.now();
    this.#dropOffers(now);
    const mine = this.#table.addressOf(client.id);
    if (mine !== undefined && (wanted === undefined || wanted === mine))
      return this.#offer(mine, client, now);
    const held = mine === undefined ? undefined : this.#table.get(mine);
    if (mine !== undefined && held?.offer === undefined) throw this.#holdsOther(client, mine, wanted);
    if (wanted !== undefined) this.#checkFree(wanted, now, "lease.discover");
    // The client changed its mind: what it was offered before is free again.
    if (mine !== undefined) this.#table.set(mine, held?.lease, undefined);
    return this.#offer(wanted ?? this.#pick(now), client, now);
  }

  request(offer: Offer): Lease {
    const { client } = offer;
    const address = addressOf(offer.address);
    const now = this.#clock.now();
    this.#dropOffers(now);
    const mine = this.#table.addressOf(client.id);
    if (mine !== undefined && mine !== address) throw this.#holdsOther(client, mine, address);
    // An offer that ended is still good while nobody else has the address.
    if (mine === undefined) this.#checkFree(address, now, "lease.request");
    const held = this.#table.get(address)?.lease;
    if (held !== undefined && held.state !== "released") return held;
    const { subnet } = this.record;
    const { id: clientId, mac, hostname } = client;
    const lease: Lease = { subnet, address, clientId, mac, hostname, state: "requested" };
    this.#table.set(address, lease, undefined);
    return lease;
  }

  /** Also renews: an acknowledged lease again, with another `expires`. */
  acknowledge(lease: Lease): Lease {
    const held = this.#table.get(lease.address)?.lease;
    if (held === undefined || held.state === "released" || held.clientId !== lease.clientId) {
      const holder = this.#table.holderOf(lease.address) ?? "nobody";
      throw new NetError("conflict", "lease.acknowledge", {
        message: `${lease.address} is not requested by ${lease.clientId}: ${holder} has it; request it first`,
        subject: holder,
        value: lease.address,
      });
    }
    const bound: Lease = { ...lease, subnet: this.record.subnet, state: "bound", releasedSeq: undefined };
    this.#store.saveLease(bound);
    this.#table.set(lease.address, bound, undefined);
    return bound;
  }

  /** Gives an address back, whether offered, requested or bound. One that nobody has is fine. */
  release(address: Ip): void {
    const entry = this.#table.get(address);
    if (entry === undefined) return;
    const { lease } = entry;
    if (lease === undefined || lease.state === "released") {
      if (entry.offer !== undefined) this.#table.set(address, lease, undefined);
      return;
    }
    if (!this.#table.isDynamic(address)) {
      // Nobody gets it unasked, so the order of its release is of no use.
      this.#store.deleteLease(this.record.subnet, address);
      this.#table.set(address, undefined, undefined);
      return;
    }
    this.#releases++;
    const released: Lease = { ...lease, state: "released", expires: undefined, releasedSeq: this.#releases };
    this.#store.saveLease(released);
    this.#table.set(address, released, undefined);
    this.#forget();
  }

  /** Requested and bound, lowest first. */
  leases(): readonly Lease[] {
    const out: [bigint, Lease][] = [];
    for (const { lease } of this.#table.entries()) {
      if (lease !== undefined && lease.state !== "released") out.push([ipToBigint(lease.address), lease]);
    }
    return out.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, lease]) => lease);
  }

  usage(): PoolUsage {
    this.#dropOffers(this.#clock.now());
    const { first, last } = rangeOf(this.record.subnet);
    const { all, dynamic } = this.#table.held;
    const reserved = last - first - (this.#usable.last - this.#usable.first);
    return {
      inUse: reserved + BigInt(all),
      available: this.#table.last - this.#table.first + 1n - BigInt(dynamic),
    };
  }

  #dropOffers(now: number): void {
    for (let ip = this.#table.endedOffer(now); ip !== undefined; ip = this.#table.endedOffer(now)) {
      this.#table.set(ip, this.#table.get(ip)?.lease, undefined);
    }
  }

  #offer(address: Ip, client: LeaseClient, now: number): Offer {
    const { subnet, owner } = this.record;
    const gateway = this.#table.addressOf(`gateway:${owner}`);
    const offer: Offer = {
      subnet,
      client,
      address: makeCidr(address, prefixLength(subnet)),
      ...(gateway === undefined ? {} : { gateway }),
      expires: now + this.#limits.offerMillis,
    };
    const lease = this.#table.get(address)?.lease;
    // Who has the lease already needs nothing held.
    if (lease === undefined || lease.state === "released") this.#table.set(address, lease, offer);
    return offer;
  }

  #lowestFresh(): Ip | undefined {
    return this.#table.lowestFresh((value) => ipFromBigint(value, this.#family));
  }

  #pick(now: number): Ip {
    const fresh = this.#lowestFresh();
    if (fresh !== undefined) return fresh;
    if (this.#table.releasedCount === 0) this.#endLeases(now);
    const released = this.#table.oldestReleased();
    if (released !== undefined) return released;
    throw this.#exhausted();
  }

  /** Leases with an end stay with their client past it, as RFC 2131 section 4.3.1 advises, until addresses run out. */
  #endLeases(now: number): void {
    for (let ip = this.#table.endedLease(now); ip !== undefined; ip = this.#table.endedLease(now))
      this.release(ip);
  }

  /** Throws unless the address can be given to a client that has none. */
  #checkFree(address: Ip, now: number, op: string): void {
    const field = `ipv${this.#family}`;
    const value = familyOf(address) === this.#family ? ipToBigint(address) : -1n;
    if (value < this.#usable.first || value > this.#usable.last) {
      throw invalid(field, address, reservedAs(this.record.subnet, address) ?? "it cannot be handed out", op);
    }
    const holder = this.#table.holderOf(address);
    if (holder === undefined) return;
    const { lease, offer } = this.#table.get(address) ?? {};
    if (offer === undefined && (lease?.expires ?? Infinity) <= now) {
      this.release(address);
      return;
    }
    throw new NetError("conflict", op, {
      message: `${field}: ${address} is taken: ${holder} has it; give another address, or none to take a free one`,
      subject: holder,
      field,
      value: address,
    });
  }

  #holdsOther(client: LeaseClient, mine: Ip, wanted: Ip | undefined): NetError {
    return new NetError("conflict", "lease.discover", {
      message: `${client.id} has ${mine} in ${this.record.subnet}: release that before asking for ${wanted ?? "another"}`,
      subject: client.id,
      field: `ipv${this.#family}`,
      value: wanted ?? mine,
    });
  }

  #exhausted(): NetError {
    const { subnet, ipRange } = this.record;
    const size = this.#table.last - this.#table.first + 1n;
    const offered = BigInt(this.#table.offeredCount());
    const remedy = "remove endpoints, or make the network with a larger subnet or range";
    const where = ipRange === undefined ? subnet : `${subnet}, range ${ipRange}`;
    const counts = `of ${size}, ${size - offered} are leased and ${offered} offered`;
    return new NetError("exhausted", "lease.discover", {
      message: `no address is free in ${where}: ${counts}; ${remedy}`,
      subject: subnet,
      remedy,
    });
  }

  #forget(): void {
    while (this.#table.releasedCount > this.#limits.rememberReleased) {
      const oldest = this.#table.oldestReleased() as Ip;
      this.#store.deleteLease(this.record.subnet, oldest);
      this.#table.set(oldest, undefined, undefined);
    }
  }
}
