import { readFileSync } from "node:fs";
import { decodeLink, getLink, type LinkRequest } from "../wire/netlink/link.ts";
import { RTEXT_FILTER } from "../wire/netlink/link-numbers.ts";
import { isNodeError } from "./errno.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/** What br_netfilter does in a namespace with frames of all bridges; undefined where the module is not loaded. */
export type BridgeFilter = { readonly allBridges: boolean } | undefined;

/** Reads it in the thread's present network namespace (net/bridge/br_netfilter_hooks.c, brnf_table). */
export function readBridgeFilter(): BridgeFilter {
  try {
    const keys = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"];
    const values = keys.map((key) => readFileSync(`/proc/sys/net/bridge/${key}`, "utf8").trim());
    return { allBridges: values.every((value) => value === "1") };
  } catch (error) {
    if (isNodeError(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Whether IPv4 and IPv6 packets in frames within this bridge pass the IP hooks, and so our table. */
export function framesMeetFirewall(socket: NetlinkSocket, bridge: string, filter: BridgeFilter): boolean {
  if (filter === undefined) return false;
  if (filter.allBridges) return true;
  const [reply] = socket.transact([getLink({ name: bridge, extMask: RTEXT_FILTER.SKIP_STATS })]);
  const body = reply?.messages[0]?.body;
  return body !== undefined && isFiltered(decodeLink(body).linkInfo?.info);
}

type LinkInfo = NonNullable<LinkRequest["linkInfo"]>;

/** Whether a bridge asks for that itself. */
export function isFiltered(info: LinkInfo["info"]): boolean {
  if (info?.kind !== "bridge") return false;
  return info.data?.nfCallIptables === true && info.data.nfCallIp6tables === true;
}

/** The part of a bridge's message that has it ask, or no longer ask. */
export function filterInfo(filtered: boolean): NonNullable<LinkInfo["info"]> {
  return { kind: "bridge", data: { nfCallIptables: filtered, nfCallIp6tables: filtered } };
}
