import type { Sanction } from "../../model/firewall.ts";

/**
 * The place that Docker leaves to others in its tables: chain DOCKER-USER, called before its own rules, in the tables `ip filter`
 * and `ip6 filter` of iptables-nft. dockerd sets the policy of FORWARD to drop, which only an accept in that table gets round.
 * What is accepted there has still to pass our own table, which decides as ever.
 */
export const DOCKER_USER = "DOCKER-USER";
/** Ours, called from there. */
export const OWN_CHAIN = "NETDOCK";

/** One rule, of the kind that iptables can show: a link, and where to. `nd-*` is every link whose name begins so. */
export interface SanctionedRule {
  readonly chain: typeof DOCKER_USER | typeof OWN_CHAIN;
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  readonly to: "accept" | typeof OWN_CHAIN;
}

/** Of every bridge whose name netdock makes up. */
export const PREFIX = "nd-";

/** Whether a bridge passes by the rule for all names that netdock makes up. */
export function isCovered(bridge: string): boolean {
  return bridge.startsWith(PREFIX);
}

/**
 * What leaves or enters a bridge of ours goes to our chain, and that accepts it into our bridges and out by uplinks: not into
 * bridges of Docker's, where Docker alone decides. The rules are as many as uplinks and bridges with a name of the user's.
 */
export function sanctionedRules({ bridges, uplinks }: Sanction): SanctionedRule[] {
  if (bridges.length === 0) return [];
  const ours = [`${PREFIX}*`, ...bridges.filter((name) => !isCovered(name)).toSorted()];
  return [
    ...[...ours, ...uplinks.toSorted()].map((oif) => ({ chain: OWN_CHAIN, oif, to: "accept" }) as const),
    ...ours.map((iif) => ({ chain: DOCKER_USER, iif, to: OWN_CHAIN }) as const),
    ...ours.map((oif) => ({ chain: DOCKER_USER, oif, to: OWN_CHAIN }) as const),
  ];
}
