import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Subnet } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { Lease } from "../model/ipam.ts";
import type { Intent, Store } from "../model/store.ts";
import { id, makeEndpoint, makeNetwork, makeSandbox } from "./documents.ts";

export interface StoreSuite {
  /** A new, empty store. */
  readonly open: () => Store;
  /** Closes a store and opens its state again; absent for stores that end with their process. */
  readonly reopen?: (store: Store) => Store;
}

const SUBNET = "10.0.0.0/24" as Subnet;
const OTHER = "fd00::/64" as Subnet;

function lease(address: string, change: Partial<Lease> = {}): Lease {
  const subnet = address.includes(":") ? OTHER : SUBNET;
  return { subnet, address: address as Ip, clientId: `client-${address}`, state: "bound", ...change };
}

const byAddress = (leases: readonly Lease[]): Lease[] =>
  leases.toSorted((a, b) => (a.address < b.address ? -1 : 1));

/** What every `Store` does, whatever it stands on. Call it inside a `describe` of the implementation's name. */
export function storeSuite(suite: StoreSuite): void {
  let store: Store;
  beforeEach(() => {
    store = suite.open();
  });
  afterEach(() => store.close());

  const write = (run: () => void): void => store.transaction("process", run);
  const refused = (run: () => unknown): NetError => {
    try {
      run();
    } catch (error) {
      if (error instanceof NetError) return error;
      throw error;
    }
    throw new Error("nothing was refused");
  };
  const everything = (of: Store): unknown => ({
    networks: of.networks(),
    sandboxes: of.sandboxes(),
    endpoints: of.endpoints(),
    intents: of.intents(),
    pools: of.leases.loadPools(),
    leases: byAddress(of.leases.loadLeases()),
  });

  test("a new store is empty", () => {
    expect(everything(store)).toEqual({
      networks: [],
      sandboxes: [],
      endpoints: [],
      intents: [],
      pools: [],
      leases: [],
    });
  });

  test("documents come back as they were put, in the order they were first put", () => {
    const labels = { "quote'\"": "\u0000 ünï \n", empty: "" };
    const networks = [makeNetwork("z"), makeNetwork("a", { labels }), makeNetwork("m")];
    const sandboxes = [makeSandbox(2), makeSandbox(1)];
    const endpoints = [
      makeEndpoint(9, { network: "a", sandbox: 1 }),
      makeEndpoint(3, { network: "z", sandbox: 1 }),
      makeEndpoint(5, { network: "a", sandbox: 2 }),
    ];
    write(() => {
      // The order of writes within a transaction is free: these endpoints come before what they join.
      for (const each of endpoints) store.putEndpoint(each);
      for (const each of sandboxes) store.putSandbox(each);
      for (const each of networks) store.putNetwork(each);
    });
    expect(store.networks()).toEqual(networks);
    expect(store.sandboxes()).toEqual(sandboxes);
    expect(store.endpoints()).toEqual(endpoints);
  });

  test("putting again replaces in place, deleting takes out, deleting what is not there is fine", () => {
    const changed = makeSandbox("b", { state: "exited", hostname: "renamed" });
    write(() => {
      for (const word of ["a", "b", "c"]) store.putSandbox(makeSandbox(word));
      store.putSandbox(changed);
      store.deleteSandbox(id<SandboxId>("a"));
      store.deleteSandbox(id<SandboxId>("never"));
      store.deleteNetwork(id<NetworkId>("never"));
      store.deleteEndpoint(id<EndpointId>("never"));
      store.clearIntent(99);
    });
    expect(store.sandboxes()).toEqual([changed, makeSandbox("c")]);
  });

  test("an endpoint can neither be stored nor left without its network and sandbox", () => {
    write(() => store.putSandbox(makeSandbox(1)));
    expect(
      refused(() => write(() => store.putEndpoint(makeEndpoint(1, { network: "a", sandbox: 1 })))).code,
    ).toBe("internal");
    write(() => {
      store.putNetwork(makeNetwork("a"));
      store.putEndpoint(makeEndpoint(1, { network: "a", sandbox: 1 }));
    });
    expect(refused(() => write(() => store.deleteNetwork(id<NetworkId>("a")))).code).toBe("internal");
    expect(refused(() => write(() => store.deleteSandbox(id<SandboxId>(1)))).code).toBe("internal");
    expect(store.endpoints().length).toBe(1);
    write(() => {
      store.deleteSandbox(id<SandboxId>(1));
      store.deleteNetwork(id<NetworkId>("a"));
      store.deleteEndpoint(id<EndpointId>(1));
    });
    expect([store.networks(), store.sandboxes(), store.endpoints()]).toEqual([[], [], []]);
  });

  test("intents are known by the id they were given, until they are cleared", () => {
    const intents: Intent[] = [
      { kind: "network.create", networkId: id<NetworkId>("a") },
      { kind: "endpoint.attach", endpointId: id<EndpointId>(1), sandboxId: id<SandboxId>(2) },
      { kind: "sandbox.remove", sandboxId: id<SandboxId>(2) },
    ];
    const ids = store.transaction("process", () => intents.map((intent) => store.addIntent(intent)));
    expect(new Set(ids).size).toBe(3);
    write(() => store.clearIntent(ids[1] as number));
    expect(store.intents()).toEqual([
      { id: ids[0], intent: intents[0] },
      { id: ids[2], intent: intents[2] },
    ]);
  });

  test("leases are one per subnet and address, and go with their pool", () => {
    const full = lease("10.0.0.5", {
      mac: "02:00:00:00:00:05" as Mac,
      hostname: "web",
      expires: 1_900_000_000_000,
    });
    const released = lease("10.0.0.3", { state: "released", releasedSeq: 7 });
    write(() => {
      store.leases.savePool({ subnet: SUBNET, owner: "a", ipRange: "10.0.0.0/25" as Subnet });
      store.leases.savePool({ subnet: OTHER, owner: "a" });
      store.leases.saveLease(lease("10.0.0.3", { clientId: "earlier", mac: "02:00:00:00:00:03" as Mac }));
      store.leases.saveLease(released);
      store.leases.saveLease(full);
      store.leases.saveLease(lease("10.0.0.4"));
      store.leases.deleteLease(SUBNET, "10.0.0.4" as Ip);
      store.leases.deleteLease(SUBNET, "10.0.0.4" as Ip);
      store.leases.saveLease(lease("fd00::5"));
    });
    expect(byAddress(store.leases.loadLeases())).toEqual([released, full, lease("fd00::5")]);
    expect(store.leases.loadPools()).toEqual([
      { subnet: SUBNET, owner: "a", ipRange: "10.0.0.0/25" },
      { subnet: OTHER, owner: "a" },
    ]);
    write(() => store.leases.deletePool(SUBNET));
    expect(store.leases.loadLeases()).toEqual([lease("fd00::5")]);
    expect(store.leases.loadPools()).toEqual([{ subnet: OTHER, owner: "a" }]);
  });

  test("a lease without a pool is refused", () => {
    expect(refused(() => write(() => store.leases.saveLease(lease("10.0.0.5")))).code).toBe("internal");
    expect(store.leases.loadLeases()).toEqual([]);
  });

  describe("transaction()", () => {
    test("returns what its body returns, and shows its own writes", () => {
      const seen = store.transaction("disk", () => {
        store.putNetwork(makeNetwork("a"));
        return store.networks().length;
      });
      expect(seen).toBe(1);
    });

    test("takes everything back when its body throws, and the error comes through as it is", () => {
      write(() => store.putNetwork(makeNetwork("kept")));
      const before = everything(store);
      const thrown = new Error("no");
      expect(() =>
        store.transaction("disk", () => {
          store.putNetwork(makeNetwork("kept", { name: "renamed" }));
          store.putNetwork(makeNetwork("new"));
          store.putSandbox(makeSandbox(1));
          store.putEndpoint(makeEndpoint(1, { network: "new", sandbox: 1 }));
          store.addIntent({ kind: "network.create", networkId: id<NetworkId>("new") });
          store.leases.savePool({ subnet: SUBNET, owner: "new" });
          store.leases.saveLease(lease("10.0.0.5"));
          throw thrown;
        }),
      ).toThrow(thrown);
      expect(everything(store)).toEqual(before);
      write(() => store.putNetwork(makeNetwork("after")));
      expect(store.networks().length).toBe(2);
    });

    test("never nests, and the outer one is lost with the mistake", () => {
      const error = refused(() =>
        write(() => {
          store.putNetwork(makeNetwork("a"));
          write(() => store.putNetwork(makeNetwork("b")));
        }),
      );
      expect(error.code).toBe("internal");
      expect(store.networks()).toEqual([]);
    });

    test("refuses a body that goes on after it: it would write outside", () => {
      const body = async (): Promise<void> => {
        store.putNetwork(makeNetwork("a"));
        await Promise.resolve();
      };
      expect(refused(() => store.transaction("process", body)).code).toBe("internal");
      expect(store.networks()).toEqual([]);
    });

    test("is needed for every write", () => {
      const writes: (() => unknown)[] = [
        () => store.putNetwork(makeNetwork("a")),
        () => store.deleteNetwork(id<NetworkId>("a")),
        () => store.putSandbox(makeSandbox(1)),
        () => store.deleteSandbox(id<SandboxId>(1)),
        () => store.putEndpoint(makeEndpoint(1, { network: "a", sandbox: 1 })),
        () => store.deleteEndpoint(id<EndpointId>(1)),
        () => store.addIntent({ kind: "network.create", networkId: id<NetworkId>("a") }),
        () => store.clearIntent(1),
        () => store.leases.savePool({ subnet: SUBNET, owner: "a" }),
        () => store.leases.deletePool(SUBNET),
        () => store.leases.saveLease(lease("10.0.0.5")),
        () => store.leases.deleteLease(SUBNET, "10.0.0.5" as Ip),
      ];
      for (const each of writes) expect(refused(each).code).toBe("internal");
    });
  });

  const { reopen } = suite;
  if (reopen === undefined) return;

  test("all of it is there again after closing and opening", () => {
    for (const durability of ["process", "disk"] as const) {
      store.transaction(durability, () => {
        store.putNetwork(makeNetwork(durability));
        store.putSandbox(makeSandbox(durability));
        store.putEndpoint(makeEndpoint(durability, { network: durability, sandbox: durability }));
        store.addIntent({ kind: "network.remove", networkId: id<NetworkId>(durability) });
      });
    }
    write(() => {
      store.leases.savePool({ subnet: SUBNET, owner: "a" });
      store.leases.saveLease(lease("10.0.0.5", { expires: 5 }));
      store.leases.saveLease(lease("10.0.0.6", { state: "released", releasedSeq: 1 }));
    });
    const before = everything(store);
    store = reopen(store);
    expect(everything(store)).toEqual(before);
  });
}
