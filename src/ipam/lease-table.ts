import { ipToBigint, type Ip } from "../base/ip.ts";
import type { Lease, Offer } from "../model/ipam.ts";
import { IndexedHeap } from "./heap.ts";
import type { Journal } from "./journal.ts";

/** What is known about one address. Immutable, so that taking a change back is putting the old entry in again. */
export interface Entry {
  /** Requested, bound or released. */
  readonly lease: Lease | undefined;
  /** Held for its client; above a released lease, or above none. */
  readonly offer: Offer | undefined;
}

/**
 * The addresses of one pool that someone has or had, with the indexes the lease machine asks: who has what, what is free and
 * used longest ago, what ends when. Addresses nobody ever had are not listed, so an IPv6 /64 costs nothing.
 */
export class LeaseTable {
  readonly #journal: Journal;
  /** Addresses that are handed out unasked, both inclusive. */
  readonly first: bigint;
  readonly last: bigint;

  readonly #entries = new Map<Ip, Entry>();
  readonly #clients = new Map<string, Ip>();
  /** Every dynamic address below this is listed, or is in `#returned`. Never goes back. */
  #next: bigint;
  /** Dynamic addresses that are not listed any more: offers nobody took, releases long forgotten. */
  readonly #returned = new IndexedHeap<Ip, bigint>();
  /** Released dynamic addresses, by order of release. */
  readonly #released = new IndexedHeap<Ip, number>();
  readonly #offerEnds = new IndexedHeap<Ip, number>();
  readonly #leaseEnds = new IndexedHeap<Ip, number>();
  /** Addresses that someone has, dynamic ones among them and others. */
  #heldDynamic = 0;
  #heldOther = 0;

  constructor(range: { readonly first: bigint; readonly last: bigint }, journal: Journal) {
    this.first = range.first;
    this.last = range.last;
    this.#next = range.first;
    this.#journal = journal;
  }

  get(address: Ip): Entry | undefined {
    return this.#entries.get(address);
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** The one address a client has, by offer or by lease. */
  addressOf(clientId: string): Ip | undefined {
    return this.#clients.get(clientId);
  }

  /** The client that has an address. */
  holderOf(address: Ip): string | undefined {
    const entry = this.#entries.get(address);
    return entry === undefined ? undefined : holder(entry);
  }

  isDynamic(address: Ip): boolean {
    return this.#isDynamic(ipToBigint(address));
  }

  /** How many addresses someone has by offer or lease, and how many of them are dynamic. */
  get held(): { readonly all: number; readonly dynamic: number } {
    return { all: this.#heldDynamic + this.#heldOther, dynamic: this.#heldDynamic };
  }

  /** The lowest dynamic address that is not listed; `format` makes the text of a number. */
  lowestFresh(format: (value: bigint) => Ip): Ip | undefined {
    const returned = this.#returned.peek();
    if (returned !== undefined) return returned;
    for (; this.#next <= this.last; this.#next++) {
      const address = format(this.#next);
      if (!this.#entries.has(address)) return address;
    }
    return undefined;
  }

  /** The dynamic address released before all others. */
  oldestReleased(): Ip | undefined {
    return this.#released.peek();
  }

  get releasedCount(): number {
    return this.#released.size;
  }

  /** An address whose offer has ended by then. */
  endedOffer(now: number): Ip | undefined {
    return (this.#offerEnds.peekPriority() ?? Infinity) <= now ? this.#offerEnds.peek() : undefined;
  }

  /** An address whose lease has ended by then. */
  endedLease(now: number): Ip | undefined {
    return (this.#leaseEnds.peekPriority() ?? Infinity) <= now ? this.#leaseEnds.peek() : undefined;
  }

  offeredCount(): number {
    return [...this.#offerEnds.keys()].filter((address) => this.isDynamic(address)).length;
  }

  /** The one place where anything changes: entry, client and indexes together, and the way back. */
  set(address: Ip, lease: Lease | undefined, offer: Offer | undefined): void {
    const before = this.#entries.get(address);
    this.#journal.record(() => this.set(address, before?.lease, before?.offer));
    const entry: Entry | undefined =
      lease === undefined && offer === undefined ? undefined : { lease, offer };
    if (entry === undefined) this.#entries.delete(address);
    else this.#entries.set(address, entry);
    const had = before === undefined ? undefined : holder(before);
    const has = entry === undefined ? undefined : holder(entry);
    if (had !== has && had !== undefined) this.#clients.delete(had);
    if (had !== has && has !== undefined) this.#clients.set(has, address);
    const more = Number(has !== undefined) - Number(had !== undefined);
    if (this.isDynamic(address)) this.#heldDynamic += more;
    else this.#heldOther += more;
    this.#index(address, lease, offer);
  }

  #index(address: Ip, lease: Lease | undefined, offer: Offer | undefined): void {
    if (offer === undefined) this.#offerEnds.delete(address);
    else this.#offerEnds.set(address, offer.expires);

    if (lease?.state === "bound" && lease.expires !== undefined) this.#leaseEnds.set(address, lease.expires);
    else this.#leaseEnds.delete(address);

    const seq = lease?.state === "released" && offer === undefined ? lease.releasedSeq : undefined;
    if (seq !== undefined) this.#released.set(address, seq);
    else this.#released.delete(address);

    if (lease !== undefined || offer !== undefined) {
      this.#returned.delete(address);
      return;
    }
    const value = ipToBigint(address);
    if (value < this.#next && this.#isDynamic(value)) this.#returned.set(address, value);
  }

  #isDynamic(value: bigint): boolean {
    return value >= this.first && value <= this.last;
  }
}

function holder(entry: Entry): string | undefined {
  if (entry.offer !== undefined) return entry.offer.client.id;
  return entry.lease === undefined || entry.lease.state === "released" ? undefined : entry.lease.clientId;
}
