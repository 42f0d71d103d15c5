import type { Sanction } from "../../model/firewall.ts";

/**
 * The place that Docker leaves to others in its tables: chain DOCKER-USER, called before its own rules, in the tables `ip filter`
 * and `ip6 filter` of iptables-nft. dockerd sets the policy of FORWARD to drop, which only an accept in that table gets round.
 * What is accepted there has still to pass our own table, which decides as ever.
 */
export const DOCKER_USER = "DOCKER-USER";
/** Ours, called from there. */
export const OWN_CHAIN = "NETDOCK";

/**
 * One rule, of the kind that iptables can show: a link, and where to. `nd-*` is every link whose name begins so. Without a link it
 * is about connections that are under way or led to a published port.
 */
export interface SanctionedRule {
  readonly chain: typeof DOCKER_USER | typeof OWN_CHAIN;
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  readonly to: "accept" | "return" | "drop" | typeof OWN_CHAIN;
}

/** Of every bridge whose name netdock makes up. */
export const PREFIX = "nd-";

/** Whether a bridge passes by the rule for all names that netdock makes up. */
export function isCovered(bridge: string): boolean {
  return bridge.startsWith(PREFIX);
}

/**
 * What leaves or enters a bridge of ours goes to our chain, and that accepts it into our bridges and out by uplinks. What comes from
 * Docker's bridges is left to Docker, which has internal networks. So are its published ports; but what goes to its bridges
 * otherwise is dropped here: dockerd relies on a policy that it does not set where the host forwarded before it came. The rules are
 * as many as uplinks, bridges with a name of the user's, and Docker's bridges.
 */
export function sanctionedRules(
  { bridges, uplinks }: Sanction,
  dockers: readonly string[],
): SanctionedRule[] {
  if (bridges.length === 0) return [];
  const ours = [`${PREFIX}*`, ...bridges.filter((name) => !isCovered(name)).toSorted()];
  const theirs = dockers
    .filter((name) => !isCovered(name) && !bridges.includes(name) && !uplinks.includes(name))
    .toSorted();
  const own = { chain: OWN_CHAIN } as const;
  return [
    ...theirs.map((iif) => ({ ...own, iif, to: "return" }) as const),
    ...[...ours, ...uplinks.toSorted()].map((oif) => ({ ...own, oif, to: "accept" }) as const),
    ...(theirs.length === 0 ? [] : [{ ...own, to: "return" } as const]),
    ...theirs.map((oif) => ({ ...own, oif, to: "drop" }) as const),
    ...ours.map((iif) => ({ chain: DOCKER_USER, iif, to: OWN_CHAIN }) as const),
    ...ours.map((oif) => ({ chain: DOCKER_USER, oif, to: OWN_CHAIN }) as const),
  ];
}
