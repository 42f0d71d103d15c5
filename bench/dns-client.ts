// Asks name servers from inside sandboxes, for dns.ts: a process of its own, so that it has a CPU of its own if it is given one.
import { closeSync, openSync } from "node:fs";
import { DnsLoad, openClient, queriesFor } from "./lib/dns-load.ts";
import { ThreadNamespaces } from "../src/kernel/netns.ts";
import type { Ip } from "../src/base/ip.ts";

export type ClientCall =
  | {
      readonly do: "open";
      readonly target: string;
      readonly server: Ip;
      readonly netns: readonly string[];
      readonly names: readonly string[];
    }
  | { readonly do: "oneByOne"; readonly target: string; readonly count: number }
  | {
      readonly do: "saturate";
      readonly target: string;
      readonly count: number;
      readonly outstanding: number;
    };

const namespaces = new ThreadNamespaces();
const loads = new Map<string, DnsLoad>();

function run(call: ClientCall): unknown {
  if (call.do === "open") {
    const sockets = call.netns.map((path) => {
      const netns = openSync(path, "r");
      try {
        return namespaces.withNetns(netns, () => openClient(call.server));
      } finally {
        closeSync(netns);
      }
    });
    loads.set(call.target, new DnsLoad(sockets, queriesFor(call.names)));
    return true;
  }
  const load = loads.get(call.target);
  if (load === undefined) throw new Error(`${call.target} is not open`);
  return call.do === "oneByOne" ? load.oneByOne(call.count) : load.saturate(call.count, call.outstanding);
}

process.on("message", (call: ClientCall) => {
  try {
    process.send?.({ result: run(call) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on("disconnect", () => process.exit(0));
