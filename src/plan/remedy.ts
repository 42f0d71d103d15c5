import type { Hindrance } from "../model/probe.ts";

/**
 * The command that lets traffic of a bridge pass a filter of somebody else's: in the words of the program whose filter it is,
 * since that program would throw away what others put into its tables.
 */
export function remedyFor(
  hindrance: Hindrance,
  traffic: { readonly bridge: string; readonly direction: "from" | "to" },
): string {
  const { family, table, chain, base, rule } = hindrance;
  const { bridge, direction } = traffic;
  if (table.startsWith("firewalld")) {
    return `firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && firewall-cmd --reload`;
  }
  const option = direction === "from" ? "-i" : "-o";
  const isIptables =
    table === "filter" && (family === "ip" || family === "ip6") && base === base.toUpperCase();
  // ufw's chains come first, so that what they accept never meets the policy.
  if (isIptables && hindrance.isUfw === true && (rule === undefined || chain.startsWith("ufw"))) {
    return ufwRemedy(hindrance, traffic);
  }
  if (isIptables) {
    return `${family === "ip" ? "iptables" : "ip6tables"} -I ${base} ${option} ${bridge} -j ACCEPT`;
  }
  const name = direction === "from" ? "iifname" : "oifname";
  return `nft insert rule ${family} ${table} ${base} ${name} "${bridge}" accept`;
}

/**
 * What is forwarded is allowed by `route`. Rules of the user's are asked in their order, so ours is to come first; but ufw leaves one
 * that differs in its verdict alone where it is, unless it is asked to add it.
 */
function ufwRemedy({ chain, hook }: Hindrance, traffic: Parameters<typeof remedyFor>[1]): string {
  const ufw = hook === "forward" ? "ufw route" : "ufw";
  const allow = `allow ${traffic.direction === "from" ? "in" : "out"} on ${traffic.bridge}`;
  return /^ufw6?-user-/.test(chain) ? `${ufw} prepend ${allow} && ${ufw} ${allow}` : `${ufw} ${allow}`;
}

/** Where a packet is dropped, in words. */
export function hindranceText({ family, table, chain, rule, unknown }: Hindrance): string {
  const place = `chain ${chain} of table ${family} ${table}`;
  const what = rule === undefined ? `the policy of ${place}` : `rule ${rule.handle} of ${place}`;
  if (unknown.length === 0) return `${what} drops`;
  return `${what} may drop, depending on what netdock cannot tell (${unknown.join("; ")})`;
}
