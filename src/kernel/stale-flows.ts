import { AF_INET, AF_INET6, familyOf, isLoopback, type Ip } from "../base/ip.ts";
import type { FirewallChange } from "../model/firewall.ts";
import { staleFlows, type StaleFlows, type TranslatedFlow } from "../plan/firewall/index.ts";
import { decodeFlow, deleteFlow, dumpFlows, type Flow } from "../wire/conntrack/flow.ts";
import { IPPROTO } from "../wire/conntrack/numbers.ts";
import { ackError } from "../wire/netlink/ack.ts";
import { decodeAddress, dumpAddresses } from "../wire/netlink/address.ts";
import { errnoName } from "../wire/netlink/errno.ts";
import { hasErrno } from "./errno.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/**
 * Ends the tracked UDP flows that a change of the published ports has made wrong, and no others: their next packet is
 * translated anew. On a kernel without ctnetlink they end when nothing was sent for 30 s (nf_conntrack_udp_timeout).
 */
export function endStaleFlows(
  change: FirewallChange,
  sockets: { readonly netfilter: () => NetlinkSocket; readonly route: () => NetlinkSocket },
): void {
  const stale = staleFlows(change);
  if (stale.length === 0) return;
  const isLocal = localAddresses(sockets.route);
  for (const one of stale) {
    const flows = matchingFlows(sockets.netfilter(), one, isLocal);
    if (flows.length === 0) continue;
    for (const { ack } of sockets.netfilter().transact(flows.map(deleteFlow))) {
      // One that ended by itself meanwhile is what we wanted.
      if (ack === undefined || ack.errno === 0 || errnoName(ack.errno) === "ENOENT") continue;
      throw ackError(ack, { op: "conntrack.delete", subject: "a stale UDP flow" });
    }
  }
}

function matchingFlows(socket: NetlinkSocket, stale: StaleFlows, isLocal: (ip: Ip) => boolean): Flow[] {
  const { family, hostIp, hostPort } = stale;
  const request = dumpFlows({
    family,
    protocol: IPPROTO.UDP,
    destination: hostIp,
    destinationPort: hostPort,
  });
  try {
    return socket.dump(request, decodeFlow).filter((flow) => {
      const translated = translation(flow);
      return translated !== undefined && stale.matches(translated, isLocal);
    });
  } catch (error) {
    // No module answers for this part of netfilter (nfnetlink_rcv_msg).
    if (hasErrno(error, "EINVAL", "EOPNOTSUPP")) return [];
    throw error;
  }
}

function translation({ original, reply }: Flow): TranslatedFlow | undefined {
  if (original.protocol !== IPPROTO.UDP) return undefined;
  const { destination, destinationPort } = original;
  if (destinationPort === undefined || reply.sourcePort === undefined) return undefined;
  return {
    family: familyOf(destination),
    destination,
    destinationPort,
    answerer: reply.source,
    answererPort: reply.sourcePort,
  };
}

/** Tells the namespace's own addresses, which are asked for when the first one is in question. */
function localAddresses(route: () => NetlinkSocket): (ip: Ip) => boolean {
  let known: Set<Ip> | undefined;
  return (ip) => {
    if (isLoopback(ip)) return true;
    known ??= new Set(
      [AF_INET, AF_INET6].flatMap((family) =>
        route()
          .dump(dumpAddresses({ family }), (message) => decodeAddress(message.body))
          .flatMap((address) => address.local ?? address.address ?? []),
      ),
    );
    return known.has(ip);
  };
}
