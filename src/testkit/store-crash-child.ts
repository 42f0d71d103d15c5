/**
 * The victim of the store's crash test: commits numbered rounds for ever, each over every table, and says so after each.
 * Started with the path of the state file; ends only by being killed.
 */
import { writeSync } from "node:fs";

import type { Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { NetworkId } from "../model/ids.ts";
import { openStore } from "../store/open.ts";
import { id, makeEndpoint, makeNetwork, makeSandbox } from "./documents.ts";

const path = process.argv[2];
if (path === undefined) throw new Error("usage: store-crash-child.ts PATH");
const store = openStore({ path });

for (let round = 1; ; round++) {
  const subnet = `10.${(round >> 8) & 0xff}.${round & 0xff}.0/24` as Subnet;
  store.transaction(round % 10 === 0 ? "disk" : "process", () => {
    store.putNetwork(makeNetwork(round));
    store.putSandbox(makeSandbox(round));
    store.putEndpoint(makeEndpoint(round, { network: round, sandbox: round }));
    store.addIntent({ kind: "network.create", networkId: id<NetworkId>(round) });
    store.leases.savePool({ subnet, owner: `${round}` });
    store.leases.saveLease({
      subnet,
      address: subnet.replace("0/24", "5") as Ip,
      clientId: `${round}`,
      state: "bound",
    });
  });
  writeSync(1, `${round}\n`);
}
