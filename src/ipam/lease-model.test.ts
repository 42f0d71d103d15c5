import fc from "fast-check";
import { expect, test } from "vitest";

import { addressOf, makeCidr, prefixLength, rangeOf, type Subnet } from "../base/cidr.ts";
import { isNetError } from "../base/errors.ts";
import { ipFromBigint, ipToBigint, type Ip } from "../base/ip.ts";
import type { IpamDriver, Lease, Offer } from "../model/ipam.ts";
import { createMemoryLeaseStore } from "../testkit/lease-store.ts";
import { createDefaultIpam } from "./default.ts";

/**
 * The lease machine against the slowest one that could be right: lists, searched from the front, with the clock asked anew
 * at every question. Both walk the same random path of asks, waits, restarts and rolled-back transactions.
 */
const OFFER_MILLIS = 100;

interface ModelLease {
  readonly ip: Ip;
  readonly client: string;
  readonly state: "requested" | "bound" | "released";
  readonly seq: number;
  readonly expires: number;
}

interface ModelState {
  leases: ModelLease[];
  /** As the store has it: without what was requested only. */
  stored: ModelLease[];
  offers: { readonly ip: Ip; readonly client: string; readonly expires: number }[];
  seq: number;
}

class Model {
  now = 0;
  state: ModelState = { leases: [], stored: [], offers: [], seq: 0 };
  readonly usable: readonly Ip[];
  readonly range: readonly Ip[];
  readonly remember: number;

  constructor(usable: readonly Ip[], range: readonly Ip[], remember: number) {
    this.usable = usable;
    this.range = range;
    this.remember = remember;
  }

  /** Client that has an address now. */
  holder(ip: Ip): string | undefined {
    const offer = this.state.offers.find((o) => o.ip === ip && o.expires > this.now);
    return offer?.client ?? this.state.leases.find((l) => l.ip === ip && l.state !== "released")?.client;
  }

  discover(client: string, wanted: Ip | undefined): Ip | "invalid" | "conflict" | "exhausted" {
    this.#drop();
    const leased = this.state.leases.find((l) => l.client === client && l.state !== "released");
    if (leased !== undefined) return wanted === undefined || wanted === leased.ip ? leased.ip : "conflict";
    const offered = this.state.offers.find((o) => o.client === client);
    const ip = wanted === undefined && offered !== undefined ? offered.ip : this.#free(wanted, client);
    if (ip === "invalid" || ip === "conflict" || ip === "exhausted") return ip;
    this.state.offers = this.state.offers.filter((o) => o.client !== client);
    this.state.offers.push({ ip, client, expires: this.now + OFFER_MILLIS });
    return ip;
  }

  request(client: string, ip: Ip): "ok" | "invalid" | "conflict" {
    this.#drop();
    const mine = this.usable.find((address) => this.holder(address) === client);
    if (mine !== undefined && mine !== ip) return "conflict";
    if (mine === undefined) {
      const free = this.#free(ip, client);
      if (free !== ip) return free as "invalid" | "conflict";
    }
    const leased = this.state.leases.find((l) => l.ip === ip && l.state !== "released");
    if (leased === undefined) this.#put({ ip, client, state: "requested", seq: 0, expires: Infinity });
    this.state.offers = this.state.offers.filter((o) => o.ip !== ip);
    return "ok";
  }

  acknowledge(client: string, ip: Ip, expires: number): "ok" | "conflict" {
    const lease = this.state.leases.find((l) => l.ip === ip && l.state !== "released" && l.client === client);
    if (lease === undefined) return "conflict";
    this.#put({ ...lease, state: "bound", expires });
    this.#save();
    return "ok";
  }

  release(ip: Ip): void {
    this.state.offers = this.state.offers.filter((o) => o.ip !== ip);
    const lease = this.state.leases.find((l) => l.ip === ip && l.state !== "released");
    if (lease === undefined) return;
    this.state.seq++;
    this.#put({ ...lease, state: "released", seq: this.state.seq, expires: Infinity });
    // Outside the range nothing is remembered, and within it only so much.
    if (!this.range.includes(ip)) this.state.leases = this.state.leases.filter((l) => l.ip !== ip);
    const offered = (l: ModelLease): boolean => this.state.offers.some((o) => o.ip === l.ip);
    const released = this.#released().filter((l) => !offered(l));
    for (const old of released.slice(0, Math.max(0, released.length - this.remember))) {
      this.state.leases = this.state.leases.filter((l) => l.ip !== old.ip);
    }
    this.#save();
  }

  restart(): void {
    this.state.offers = [];
    this.state.leases = [...this.state.stored];
  }

  #released(): ModelLease[] {
    return this.state.leases.filter((l) => l.state === "released").toSorted((a, b) => a.seq - b.seq);
  }

  #free(wanted: Ip | undefined, client: string): Ip | "invalid" | "conflict" | "exhausted" {
    if (wanted !== undefined) {
      if (!this.usable.includes(wanted)) return "invalid";
      const ended = this.state.leases.find((l) => l.ip === wanted && l.expires <= this.now);
      if (ended !== undefined) this.release(wanted);
      const holder = this.holder(wanted);
      return holder === undefined || holder === client ? wanted : "conflict";
    }
    const mine = (o: { client: string }): boolean => o.client === client;
    const offered = new Set(this.state.offers.filter((o) => !mine(o)).map((o) => o.ip));
    const oldest = (): Ip | undefined =>
      this.#released().find((l) => !offered.has(l.ip) && this.range.includes(l.ip))?.ip;
    const fresh = this.range.find((ip) => !offered.has(ip) && !this.state.leases.some((l) => l.ip === ip));
    if (fresh !== undefined) return fresh;
    if (oldest() === undefined) {
      const ended = this.state.leases.filter((l) => l.expires <= this.now);
      for (const lease of ended.toSorted((a, b) => a.expires - b.expires)) this.release(lease.ip);
    }
    return oldest() ?? "exhausted";
  }

  #drop(): void {
    this.state.offers = this.state.offers.filter((o) => o.expires > this.now);
  }

  #put(lease: ModelLease): void {
    this.state.leases = [...this.state.leases.filter((l) => l.ip !== lease.ip), lease];
  }

  /** What is requested only is not stored; what it stood on before, in the store, is. */
  #save(): void {
    const requested = new Set(this.state.leases.filter((l) => l.state === "requested").map((l) => l.ip));
    const kept = this.state.stored.filter((l) => requested.has(l.ip));
    this.state.stored = [...this.state.leases.filter((l) => l.state !== "requested"), ...kept];
  }
}

type Step =
  | { readonly do: "discover"; readonly client: string; readonly index: number | undefined }
  | { readonly do: "request"; readonly client: string; readonly index: number | undefined }
  | { readonly do: "acknowledge"; readonly client: string; readonly ends: number | undefined }
  | { readonly do: "release"; readonly index: number }
  | { readonly do: "grant"; readonly client: string }
  | { readonly do: "wait"; readonly millis: number }
  | { readonly do: "restart" }
  | { readonly do: "rollback"; readonly steps: readonly Step[] };

const client = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
const index = fc.nat(17);
const maybe = fc.option(index, { nil: undefined, freq: 3 });
const simpleSteps: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant("discover" as const), client, index: maybe }),
  fc.record({ do: fc.constant("request" as const), client, index: maybe }),
  fc.record({
    do: fc.constant("acknowledge" as const),
    client,
    ends: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined, freq: 3 }),
  }),
  fc.record({ do: fc.constant("release" as const), index }),
  fc.record({ do: fc.constant("release" as const), index }),
  fc.record({ do: fc.constant("grant" as const), client }),
  fc.record({ do: fc.constant("grant" as const), client }),
  fc.record({ do: fc.constant("wait" as const), millis: fc.integer({ min: 1, max: 150 }) }),
];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.oneof(...simpleSteps) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("rollback" as const),
      steps: fc.array(fc.oneof(...simpleSteps), { minLength: 1, maxLength: 6 }),
    }),
  },
);

const pools = fc.constantFrom(
  { subnet: "10.0.0.0/28" },
  { subnet: "10.0.0.0/29" },
  { subnet: "10.0.0.0/28", ipRange: "10.0.0.8/30" },
  { subnet: "10.0.0.0/30", ipRange: "10.0.0.0/31" },
  { subnet: "10.0.0.2/31" },
  { subnet: "fd00::/124" },
  { subnet: "fd00::/120", ipRange: "fd00::10/125" },
);

function addresses(subnet: Subnet): Ip[] {
  const { first, last, family } = rangeOf(subnet);
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => ipFromBigint(first + BigInt(i), family));
}

/** Both machines side by side. */
class Pair {
  readonly store = createMemoryLeaseStore();
  readonly model: Model;
  readonly subnet: Subnet;
  readonly all: readonly Ip[];
  readonly remember: number;
  readonly offers = new Map<string, Offer>();
  ipam: IpamDriver;

  constructor(pool: { subnet: string; ipRange?: string }, remember: number) {
    this.subnet = pool.subnet as Subnet;
    this.remember = remember;
    this.all = addresses(this.subnet);
    const family = this.subnet.includes(":") ? 6 : 4;
    const alone = this.all.length <= 2;
    const usable = alone ? this.all : this.all.slice(1, family === 4 ? -1 : undefined);
    const range = new Set(pool.ipRange === undefined ? this.all : addresses(pool.ipRange as Subnet));
    this.model = new Model(
      usable,
      usable.filter((ip) => range.has(ip)),
      remember,
    );
    this.ipam = this.#start();
    const request = { owner: "net", families: [family] as const, options: {}, gateway: false, taken: [] };
    this.ipam.requestPools({ ...request, pools: [pool] });
  }

  #start(): IpamDriver {
    const clock = { now: () => this.model.now };
    const limits = { offerMillis: OFFER_MILLIS, rememberReleased: this.remember };
    return createDefaultIpam({ store: this.store, clock, pools: [], limits });
  }

  run(step: Step): void {
    switch (step.do) {
      case "discover":
        this.discover(step.client, step.index === undefined ? undefined : this.at(step.index));
        return;
      case "request": {
        const ip = step.index === undefined ? undefined : this.at(step.index);
        const address = ip === undefined ? undefined : makeCidr(ip, prefixLength(this.subnet));
        const last = this.offers.get(step.client);
        if (last !== undefined) this.request(address === undefined ? last : { ...last, address });
        return;
      }
      case "acknowledge":
        this.acknowledge(step.client, step.ends);
        return;
      case "release": {
        const ip = this.at(step.index);
        this.ipam.release(this.subnet, ip);
        this.model.release(ip);
        return;
      }
      case "grant": {
        const offer = this.discover(step.client, undefined);
        if (offer === undefined) return;
        this.request(offer);
        this.acknowledge(step.client, undefined);
        return;
      }
      case "wait":
        this.model.now += step.millis;
        return;
      case "restart":
        this.ipam = this.#start();
        this.model.restart();
        return;
      case "rollback": {
        const before = structuredClone(this.model.state);
        const now = this.model.now;
        const restore = this.store.snapshot();
        const transaction = this.ipam.begin();
        for (const inner of step.steps) this.run(inner);
        transaction.rollback();
        restore();
        this.model.state = before;
        this.model.now = now;
        return;
      }
    }
  }

  at(position: number): Ip {
    return this.all[position % this.all.length] as Ip;
  }

  discover(id: string, address: Ip | undefined): Offer | undefined {
    const want = this.model.discover(id, address);
    const got = attempt(() => this.ipam.discover({ subnet: this.subnet, client: { id }, address }));
    expect(typeof got === "string" ? got : addressOf(got.address)).toBe(want);
    if (typeof got === "string") return undefined;
    this.offers.set(id, got);
    return got;
  }

  request(offer: Offer): void {
    const want = this.model.request(offer.client.id, addressOf(offer.address));
    const got = attempt(() => this.ipam.request(offer));
    expect(typeof got === "string" ? got : "ok").toBe(want);
  }

  acknowledge(id: string, ends: number | undefined): void {
    const offer = this.offers.get(id);
    if (offer === undefined) return;
    const address = addressOf(offer.address);
    const expires = ends === undefined ? undefined : this.model.now + ends;
    const want = this.model.acknowledge(id, address, expires ?? Infinity);
    const lease: Lease = { subnet: this.subnet, address, clientId: id, state: "requested", expires };
    const got = attempt(() => this.ipam.acknowledge(lease));
    expect(typeof got === "string" ? got : "ok").toBe(want);
  }

  check(): void {
    const want = this.model.state.leases.filter((l) => l.state !== "released");
    const sorted = want.toSorted((a, b) => (ipToBigint(a.ip) < ipToBigint(b.ip) ? -1 : 1));
    const got = this.ipam.leases(this.subnet).map((l) => [l.address, l.clientId, l.state]);
    expect(got).toEqual(sorted.map((l) => [l.ip, l.client, l.state]));
    expect(new Set(got.map(([ip]) => ip)).size).toBe(got.length);
  }

  /** Which address comes next, until there is none: shows the whole order of reuse. */
  drain(): void {
    for (let i = 0; i <= this.all.length; i++) {
      const offer = this.discover(`drain-${i}`, undefined);
      if (offer !== undefined) this.request(offer);
    }
  }
}

function attempt<T>(run: () => T): T | "invalid" | "conflict" | "exhausted" {
  try {
    return run();
  } catch (error) {
    if (isNetError(error, "invalid", "conflict", "exhausted")) return error.code as "invalid";
    throw error;
  }
}

test("the lease machine does what the obvious model does, over restarts and rollbacks", () => {
  fc.assert(
    fc.property(
      pools,
      fc.constantFrom(2, 1000),
      fc.array(step, { maxLength: 80, size: "max" }),
      (pool, remember, steps) => {
        const pair = new Pair(pool, remember);
        for (const each of steps) {
          pair.run(each);
          pair.check();
        }
        pair.drain();
        pair.check();
      },
    ),
    { numRuns: 400 },
  );
});
