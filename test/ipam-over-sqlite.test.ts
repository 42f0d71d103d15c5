import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";

import { parseSubnet } from "../src/base/cidr.ts";
import { isNetError, NetError } from "../src/base/errors.ts";
import { createDefaultIpam } from "../src/ipam/default.ts";
import type { IpamDriver } from "../src/model/ipam.ts";
import type { Store } from "../src/model/store.ts";
import { openStore } from "../src/store/open.ts";

// Addresses are granted in memory and saved in SQLite. Whatever is done in transactions that commit or fail, a driver that
// starts from the file must know what the one in memory knows, down to the address that comes next.

const SUBNET = parseSubnet("10.0.0.0/28");
const clock = { now: () => 0 };
const start = (store: Store): IpamDriver => createDefaultIpam({ store: store.leases, clock, pools: [] });

/** As the controller does it. */
function commit(ipam: IpamDriver, store: Store, run: () => void): void {
  const open = ipam.begin();
  try {
    store.transaction("process", run);
    open.commit();
  } catch (error) {
    open.rollback();
    if (!isNetError(error, "exhausted", "cancelled")) throw error;
  }
}

/** What can be seen from outside: who has what, and which addresses come next, in order. */
function view(ipam: IpamDriver): unknown {
  const open = ipam.begin();
  const next: string[] = [];
  try {
    for (let i = 0; ; i++) next.push(ipam.discover({ subnet: SUBNET, client: { id: `probe-${i}` } }).address);
  } catch (error) {
    if (!isNetError(error, "exhausted")) throw error;
  } finally {
    open.rollback();
  }
  return { leases: ipam.leases(SUBNET).map((lease) => [lease.address, lease.clientId, lease.state]), next };
}

test("memory and file never differ, over failed transactions and restarts", () => {
  const dir = mkdtempSync(join(tmpdir(), "netdock-ipam-"));
  const client = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
  const change = fc.record({ grant: fc.boolean(), client });
  const transaction = fc.record({
    fails: fc.boolean(),
    changes: fc.array(change, { maxLength: 8, size: "max" }),
  });
  let runs = 0;
  try {
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 12, size: "max" }), (transactions) => {
        const path = join(dir, `${runs++}.db`);
        let store = openStore({ path });
        const ipam = start(store);
        const families = [4] as const;
        const pools = {
          owner: "net",
          pools: [{ subnet: SUBNET }],
          families,
          options: {},
          gateway: true,
          taken: [],
        };
        commit(ipam, store, () => ipam.requestPools(pools));
        for (const { fails, changes } of transactions) {
          const before = view(ipam);
          commit(ipam, store, () => {
            for (const { grant, client: id } of changes) {
              const held = ipam.leases(SUBNET).find((lease) => lease.clientId === id);
              if (grant) ipam.acknowledge(ipam.request(ipam.discover({ subnet: SUBNET, client: { id } })));
              else if (held !== undefined) ipam.release(SUBNET, held.address);
            }
            if (fails) throw new NetError("cancelled", "test", { message: "fails after all of it was done" });
          });
          if (fails) expect(view(ipam)).toEqual(before);
        }
        store.close();
        store = openStore({ path });
        expect(view(start(store))).toEqual(view(ipam));
        store.close();
      }),
      { numRuns: 40 },
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});
