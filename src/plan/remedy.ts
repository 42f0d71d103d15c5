import type { Hindrance } from "../model/probe.ts";

/**
 * The command that lets traffic of a bridge pass a filter of somebody else's: in the words of the program whose filter it is,
 * since that program would throw away what others put into its tables.
 */
export function remedyFor(
  hindrance: Hindrance,
  traffic: { readonly bridge: string; readonly direction: "from" | "to" },
): string {
  const { family, table, chain, base, hook } = hindrance;
  const { bridge, direction } = traffic;
  if (table.startsWith("firewalld")) {
    return `firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && firewall-cmd --reload`;
  }
  const option = direction === "from" ? "-i" : "-o";
  const isIptables =
    table === "filter" && (family === "ip" || family === "ip6") && base === base.toUpperCase();
  if (isIptables && hook === "forward" && chain.startsWith("ufw")) {
    return `ufw route allow ${direction === "from" ? "in" : "out"} on ${bridge}`;
  }
  if (isIptables) {
    return `${family === "ip" ? "iptables" : "ip6tables"} -I ${base} ${option} ${bridge} -j ACCEPT`;
  }
  const name = direction === "from" ? "iifname" : "oifname";
  return `nft insert rule ${family} ${table} ${base} ${name} "${bridge}" accept`;
}

/** Where a packet is dropped, in words. */
export function hindranceText({ family, table, chain, rule, unknown }: Hindrance): string {
  const place = `chain ${chain} of table ${family} ${table}`;
  const what = rule === undefined ? `the policy of ${place}` : `rule ${rule.handle} of ${place}`;
  if (unknown.length === 0) return `${what} drops`;
  return `${what} may drop, depending on what netdock cannot tell (${unknown.join("; ")})`;
}
