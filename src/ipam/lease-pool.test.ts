import { describe, expect, test } from "vitest";

import type { Subnet } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { IpamDriver, Lease, Offer } from "../model/ipam.ts";
import { createMemoryLeaseStore } from "../testkit/lease-store.ts";
import { createDefaultIpam } from "./default.ts";
import { LEASE_LIMITS } from "./lease-pool.ts";

/** One network with one pool, and short words for what the engine does with it. */
class Fixture {
  readonly store = createMemoryLeaseStore();
  readonly subnet: Subnet;
  now = 1_000_000;
  ipam: IpamDriver;

  constructor(pool: { readonly subnet: string; readonly ipRange?: string }, gateway: boolean = true) {
    this.subnet = pool.subnet as Subnet;
    this.ipam = this.#start();
    const families = [pool.subnet.includes(":") ? 6 : 4] as const;
    this.ipam.requestPools({ owner: "net", pools: [pool], families, options: {}, gateway, taken: [] });
  }

  #start(): IpamDriver {
    return createDefaultIpam({ store: this.store, clock: { now: () => this.now }, pools: [] });
  }

  restart(): void {
    this.ipam = this.#start();
  }

  discover(id: string, address?: string): Offer {
    return this.ipam.discover({ subnet: this.subnet, client: { id }, address: address as Ip | undefined });
  }

  grant(id: string, address?: string): string {
    return this.ipam.acknowledge(this.ipam.request(this.discover(id, address))).address;
  }

  release(address: string): void {
    this.ipam.release(this.subnet, address as Ip);
  }

  held(): string[] {
    return this.ipam.leases(this.subnet).map((lease) => `${lease.address} ${lease.clientId}`);
  }

  refused(run: () => unknown): NetError {
    try {
      run();
    } catch (error) {
      if (error instanceof NetError) return error;
      throw error;
    }
    throw new Error("nothing was refused");
  }
}

describe("the four steps", () => {
  test("offer says address, prefix, gateway and how long it is held", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    expect(f.discover("a")).toEqual({
      subnet: "10.0.0.0/24",
      client: { id: "a" },
      address: "10.0.0.2/24",
      gateway: "10.0.0.1",
      expires: f.now + LEASE_LIMITS.offerMillis,
    });
  });

  test("an offer is nobody's lease, a request is one in memory, an acknowledgement one in the store", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" }, false);
    const client = { id: "a", mac: "02:00:00:00:00:01" as Mac, hostname: "web" };
    const offer = f.ipam.discover({ subnet: f.subnet, client });
    expect(f.held()).toEqual([]);
    const lease = f.ipam.request(offer);
    expect(lease).toMatchObject({
      address: "10.0.0.1",
      clientId: "a",
      mac: client.mac,
      hostname: "web",
      state: "requested",
    });
    expect(f.held()).toEqual(["10.0.0.1 a"]);
    expect(f.store.loadLeases()).toEqual([]);
    const bound = f.ipam.acknowledge({ ...lease, expires: 5 });
    expect(bound).toMatchObject({ state: "bound", expires: 5, mac: client.mac });
    expect(f.store.loadLeases()).toEqual([bound]);
  });

  test("who asks again gets the same again, at each step", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    expect(f.discover("a").address).toBe(f.discover("a").address);
    const lease = f.ipam.request(f.discover("a"));
    expect(f.ipam.request(f.discover("a"))).toEqual(lease);
    f.ipam.acknowledge(lease);
    expect(f.grant("a")).toBe("10.0.0.2");
    expect(f.discover("a", "10.0.0.2").address).toBe("10.0.0.2/24");
    expect(f.held()).toEqual(["10.0.0.1 gateway:net", "10.0.0.2 a"]);
  });

  test("asking again holds the offer from then on", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.discover("a");
    f.now += LEASE_LIMITS.offerMillis - 1;
    expect(f.discover("a").expires).toBe(f.now + LEASE_LIMITS.offerMillis);
    f.now += LEASE_LIMITS.offerMillis - 1;
    expect(f.discover("b").address).toBe("10.0.0.3/24");
  });

  test("an offer that ended is good until somebody else has the address", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    const [late, early] = [f.discover("a"), f.discover("b")];
    f.now += LEASE_LIMITS.offerMillis;
    expect(f.ipam.request(late).address).toBe("10.0.0.2");
    expect(f.grant("c")).toBe("10.0.0.3");
    const error = f.refused(() => f.ipam.request(early));
    expect(error).toMatchObject({ code: "conflict", subject: "c", value: "10.0.0.3" });
    expect(error.message).toContain("10.0.0.3 is taken: c has it");
  });

  test("a client that wants another address lets its offer go, but must release its lease", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.discover("a");
    expect(f.discover("a", "10.0.0.9").address).toBe("10.0.0.9/24");
    expect(f.discover("b").address).toBe("10.0.0.2/24");
    expect(f.grant("a")).toBe("10.0.0.9");
    const error = f.refused(() => f.discover("a", "10.0.0.10"));
    expect(error.code).toBe("conflict");
    expect(error.message).toContain("a has 10.0.0.9 in 10.0.0.0/24: release that");
  });

  test("a wish that cannot be had leaves the offer as it was", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.discover("a");
    expect(f.refused(() => f.discover("a", "10.0.0.1")).code).toBe("conflict");
    expect(f.grant("a")).toBe("10.0.0.2");
  });

  test("what was never requested, or was given back, cannot be acknowledged", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    const lease = f.ipam.request(f.discover("a"));
    f.release(lease.address);
    expect(f.refused(() => f.ipam.acknowledge(lease)).message).toContain("nobody has it");
    f.discover("b", lease.address);
    expect(f.refused(() => f.ipam.acknowledge(lease)).subject).toBe("b");
  });

  test("an address can be given back at each step, once or twice", () => {
    const f = new Fixture({ subnet: "10.0.0.0/30" });
    f.discover("a");
    f.release("10.0.0.2");
    f.ipam.request(f.discover("b"));
    f.release("10.0.0.2");
    f.release("10.0.0.2");
    expect(f.grant("c")).toBe("10.0.0.2");
    f.release("10.0.0.2");
    f.release("10.0.0.2");
    expect(f.grant("d")).toBe("10.0.0.2");
  });
});

describe("a chosen address", () => {
  test("may be anywhere in the subnet, the range binds only what is handed out unasked", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24", ipRange: "10.0.0.64/30" });
    expect(f.grant("a", "10.0.0.200")).toBe("10.0.0.200");
    expect(["b", "c", "d"].map((id) => f.grant(id))).toEqual(["10.0.0.65", "10.0.0.66", "10.0.0.67"]);
    const error = f.refused(() => f.discover("e"));
    expect(error).toMatchObject({ code: "exhausted", subject: "10.0.0.0/24" });
    f.release("10.0.0.200");
    expect(f.refused(() => f.discover("e")).code).toBe("exhausted");
    expect(f.store.lease(f.subnet, "10.0.0.200" as Ip)).toBeUndefined();
  });

  test("just released is fine, taken names the holder, and is skipped when its turn comes", () => {
    const f = new Fixture({ subnet: "10.0.0.0/29" });
    f.grant("a", "10.0.0.3");
    f.release("10.0.0.3");
    f.grant("b", "10.0.0.3");
    expect(f.refused(() => f.grant("c", "10.0.0.3"))).toMatchObject({
      code: "conflict",
      subject: "b",
      field: "ipv4",
    });
    expect(f.refused(() => f.grant("c", "10.0.0.1"))).toMatchObject({
      code: "conflict",
      subject: "gateway:net",
    });
    expect(["c", "d", "e", "f"].map((id) => f.grant(id))).toEqual([
      "10.0.0.2",
      "10.0.0.4",
      "10.0.0.5",
      "10.0.0.6",
    ]);
  });

  test.each([
    { subnet: "10.0.0.0/24", address: "10.0.0.0", text: "network address" },
    { subnet: "10.0.0.0/24", address: "10.0.0.255", text: "broadcast address" },
    { subnet: "10.0.0.0/24", address: "10.0.1.5", text: "outside the subnet 10.0.0.0/24" },
    { subnet: "10.0.0.0/24", address: "fd00::5", text: "outside" },
    { subnet: "fd00::/64", address: "fd00::", text: "anycast" },
    { subnet: "fd00::/64", address: "fd00:0:0:1::", text: "outside" },
    { subnet: "fd00::/64", address: "10.0.0.5", text: "outside" },
  ])("$address in $subnet is refused", ({ subnet, address, text }) => {
    const f = new Fixture({ subnet });
    const error = f.refused(() => f.discover("a", address));
    expect(error).toMatchObject({ code: "invalid", field: subnet.includes(":") ? "ipv6" : "ipv4" });
    expect(error.message).toContain(text);
  });
});

describe("small and large subnets", () => {
  // Every address that can be had, in the order it is had.
  test.each([
    { subnet: "192.168.0.0/30", all: ["192.168.0.1", "192.168.0.2"] },
    { subnet: "192.168.0.2/31", all: ["192.168.0.2", "192.168.0.3"] },
    { subnet: "192.168.0.2/32", all: ["192.168.0.2"] },
    { subnet: "2001:db8::/126", all: ["2001:db8::1", "2001:db8::2", "2001:db8::3"] },
    { subnet: "2001:db8::2/127", all: ["2001:db8::2", "2001:db8::3"] },
    { subnet: "2001:db8::2/128", all: ["2001:db8::2"] },
    { subnet: "255.255.255.252/30", all: ["255.255.255.253", "255.255.255.254"] },
  ])("$subnet", ({ subnet, all }) => {
    const f = new Fixture({ subnet }, false);
    expect(all.map((_, i) => f.grant(`c${i}`))).toEqual(all);
    expect(f.refused(() => f.discover("more")).code).toBe("exhausted");
    for (const address of all) f.release(address);
    for (const address of all.toReversed()) expect(f.grant(`again ${address}`, address)).toBe(address);
  });

  test("a range at the 64-bit limit costs nothing until it is used", () => {
    const f = new Fixture({ subnet: "fd00::/48", ipRange: "fd00:0:0:ffff::/64" }, false);
    expect(f.grant("a")).toBe("fd00:0:0:ffff::");
    expect(f.grant("b", "fd00:0:0:ffff:ffff:ffff:ffff:ffff")).toBe("fd00:0:0:ffff:ffff:ffff:ffff:ffff");
    expect(f.grant("c")).toBe("fd00:0:0:ffff::1");
  });

  test("the error of a full pool gives the counts", () => {
    const f = new Fixture({ subnet: "10.0.0.0/29", ipRange: "10.0.0.4/30" }, false);
    f.grant("a");
    f.grant("b");
    f.discover("c");
    expect(f.refused(() => f.discover("d")).message).toBe(
      "no address is free in 10.0.0.0/29, range 10.0.0.4/30: of 3, 2 are leased and 1 offered; " +
        "remove endpoints, or make the network with a larger subnet or range",
    );
    f.now += LEASE_LIMITS.offerMillis;
    expect(f.grant("d")).toBe("10.0.0.6");
  });
});

describe("reuse", () => {
  test("never used before released, and released in the order of release", () => {
    const f = new Fixture({ subnet: "10.0.0.0/29" });
    const grantAll = (...ids: string[]): string[] => ids.map((id) => f.grant(id).slice(7));
    expect(grantAll("a", "b", "c")).toEqual(["2", "3", "4"]);
    f.release("10.0.0.3");
    f.release("10.0.0.2");
    expect(grantAll("d", "e")).toEqual(["5", "6"]);
    expect(grantAll("f")).toEqual(["3"]);
    f.release("10.0.0.4");
    f.release("10.0.0.3");
    f.restart();
    expect(grantAll("g", "h", "i")).toEqual(["2", "4", "3"]);
  });

  test("an address offered and not taken keeps its place", () => {
    const f = new Fixture({ subnet: "10.0.0.0/29" });
    for (const id of ["a", "b", "c", "d", "e"]) f.grant(id);
    f.release("10.0.0.4");
    f.release("10.0.0.2");
    expect(f.discover("x").address).toBe("10.0.0.4/29");
    expect(f.discover("y").address).toBe("10.0.0.2/29");
    f.now += LEASE_LIMITS.offerMillis;
    expect(f.grant("z")).toBe("10.0.0.4");
  });

  test("the same client after a release has no claim on its old address, but may ask for it", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.grant("a");
    f.release("10.0.0.2");
    expect(f.discover("a").address).toBe("10.0.0.3/24");
    expect(f.discover("a", "10.0.0.2").address).toBe("10.0.0.2/24");
  });
});

describe("leases with an end", () => {
  const bindUntil = (f: Fixture, id: string, expires: number): Lease =>
    f.ipam.acknowledge({ ...f.ipam.request(f.discover(id)), expires });

  test("stay with their client past it until addresses run out, then the first to end goes first", () => {
    const f = new Fixture({ subnet: "10.0.0.0/29" }, false);
    const ends = [50, 30, 40, 20, 10, 60].map((after, i) => bindUntil(f, `c${i}`, f.now + after).address);
    f.now += 30;
    expect(f.discover("c3").address).toBe(`${ends[3]}/29`);
    // Those of c4 (10), c3 (20) and c1 (30) have ended.
    expect([f.grant("x"), f.grant("y"), f.grant("z")]).toEqual([ends[4], ends[3], ends[1]]);
    expect(f.refused(() => f.discover("more")).code).toBe("exhausted");
  });

  test("can be taken by name once they ended", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    const { address } = bindUntil(f, "a", f.now + 10);
    expect(f.refused(() => f.discover("b", address)).subject).toBe("a");
    f.now += 10;
    expect(f.grant("b", address)).toBe(address);
    expect(f.held()).toEqual(["10.0.0.1 gateway:net", "10.0.0.2 b"]);
  });

  test("are renewed by acknowledging again", () => {
    const f = new Fixture({ subnet: "10.0.0.0/30" });
    const lease = bindUntil(f, "a", f.now + 10);
    f.ipam.acknowledge({ ...lease, expires: f.now + 1000 });
    f.now += 10;
    expect(f.refused(() => f.discover("b")).code).toBe("exhausted");
    f.restart();
    expect(f.refused(() => f.discover("b")).code).toBe("exhausted");
    f.now += 1000;
    expect(f.grant("b")).toBe("10.0.0.2");
  });
});

describe("after a restart", () => {
  test("bound leases stay, offers and requests are gone", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.grant("a");
    f.discover("b");
    f.ipam.request(f.discover("c"));
    f.restart();
    expect(f.held()).toEqual(["10.0.0.1 gateway:net", "10.0.0.2 a"]);
    expect(f.grant("d")).toBe("10.0.0.3");
    expect(f.discover("e")).toMatchObject({ address: "10.0.0.4/24", gateway: "10.0.0.1" });
  });

  test("a lease that a store holds as requested only is free", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.store.saveLease({ subnet: f.subnet, address: "10.0.0.2" as Ip, clientId: "a", state: "requested" });
    f.restart();
    expect(f.held()).toEqual(["10.0.0.1 gateway:net"]);
    expect(f.grant("b")).toBe("10.0.0.2");
  });
});

describe("a transaction that rolled back", () => {
  test("never happened, whatever was done in it", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    f.grant("a");
    f.grant("b");
    f.release("10.0.0.3");
    const before = f.held();
    const restore = f.store.snapshot();
    const transaction = f.ipam.begin();
    f.grant("c");
    f.grant("d", "10.0.0.3");
    f.release("10.0.0.2");
    f.ipam.requestPools({
      owner: "other",
      pools: [{ subnet: "10.1.0.0/24" }],
      families: [4],
      options: {},
      gateway: true,
      taken: [],
    });
    f.ipam.releasePools("net");
    expect(f.refused(() => f.held()).code).toBe("not_found");
    transaction.rollback();
    restore();
    expect(f.held()).toEqual(before);
    expect(f.refused(() => f.ipam.leases("10.1.0.0/24" as Subnet)).code).toBe("not_found");
    expect([f.grant("e"), f.grant("f")]).toEqual(["10.0.0.4", "10.0.0.5"]);
  });

  test("committed ones stay, and none is nested in another or ended twice", () => {
    const f = new Fixture({ subnet: "10.0.0.0/24" });
    const transaction = f.ipam.begin();
    f.grant("a");
    expect(f.refused(() => f.ipam.begin()).code).toBe("internal");
    transaction.commit();
    expect(f.refused(() => transaction.rollback()).code).toBe("internal");
    expect(f.held()).toEqual(["10.0.0.1 gateway:net", "10.0.0.2 a"]);
  });
});

test("a full /16 is granted, given back and granted again, none twice, at a cost that does not grow", () => {
  const f = new Fixture({ subnet: "10.0.0.0/16" });
  const begun = performance.now();
  const all = Array.from({ length: 65_533 }, (_, i) => f.grant(`c${i}`));
  expect(new Set(all).size).toBe(65_533);
  expect(f.refused(() => f.discover("more")).code).toBe("exhausted");
  for (const address of all.slice(100, 5100)) f.release(address);
  expect(Array.from({ length: 5000 }, (_, i) => f.grant(`d${i}`))).toEqual(all.slice(100, 5100));
  // Some 0.4 s on the slowest machine known; a walk over the leases at each grant would take minutes.
  expect(performance.now() - begun).toBeLessThan(20_000);
});

test("what is remembered of released addresses has an end, so a /64 does not grow with every container there was", () => {
  const f = new Fixture({ subnet: "fd00::/64" });
  for (let i = 0; i < LEASE_LIMITS.rememberReleased + 10; i++) f.release(f.grant(`c${i}`));
  expect(f.store.loadLeases().length).toBe(LEASE_LIMITS.rememberReleased + 1);
  // What was forgotten counts as never used: each of the last nine took what the one before it made the pool forget.
  expect(f.grant("next")).toBe("fd00::b");
});
