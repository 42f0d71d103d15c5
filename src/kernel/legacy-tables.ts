import { readFileSync } from "node:fs";
import { isNodeError } from "./errno.ts";

/**
 * Tables that iptables-legacy has filled in the thread's present network namespace, by family. They are not nf_tables', which
 * knows nothing of them (net/netfilter/x_tables.c, xt_proto_init).
 */
export function readLegacyTables(): Record<"ip" | "ip6", string[]> {
  return { ip: read("ip_tables_names"), ip6: read("ip6_tables_names") };
}

function read(file: string): string[] {
  try {
    return readFileSync(`/proc/thread-self/net/${file}`, "latin1").split("\n").filter(Boolean).toSorted();
  } catch (error) {
    // A kernel without them.
    if (isNodeError(error, "ENOENT")) return [];
    throw error;
  }
}
