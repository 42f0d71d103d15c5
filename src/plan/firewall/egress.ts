import { rangeOf } from "../../base/cidr.ts";
import { familyOf, ipFromBigint, type Family, type Ip } from "../../base/ip.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import type { EgressPolicy, EgressRule } from "../../model/network.ts";
import type { Protocol } from "../../model/ports.ts";
import {
  type Chain,
  ct,
  DROP,
  goto,
  inSet,
  is,
  type MapDeclaration,
  meta,
  payload,
  RETURN,
  rule,
  type Rule,
  vmap,
} from "./ast.ts";

/**
 * Egress policies as elements. A policy is an ordered list of rules of which the first that matches decides; the kernel's maps
 * take no ranges that overlap. So the rules are cut into boxes (addresses × protocols × ports) that do not, and the map holds
 * those whose verdict is not the policy's default. However long the list, a packet costs one look-up.
 */
export interface EgressBox {
  readonly action: EgressRule["action"];
  /** First and last, both included, as numbers. */
  readonly addresses: readonly [bigint, bigint];
  readonly protocols: readonly [string | number, string | number];
  readonly ports: readonly [number, number];
}

const LAST_PORT = 65_535;
/** Protocols whose ports rules can name, and those between them (the numbers are IANA's). */
const WITH_PORTS: readonly Protocol[] = ["tcp", "udp", "sctp"];
const OTHERS = [
  [0, 5],
  [7, 16],
  [18, 131],
  [133, 255],
] as const;

interface Segment {
  readonly action: EgressRule["action"];
  readonly first: number;
  readonly last: number;
}

/** What happens to packets for one stretch of addresses: segments of ports by protocol, which together are all ports. */
type Profile = Readonly<Record<Protocol | "other", readonly Segment[]>>;

/** The boxes of one family in which the verdict is not the default; none touches another. */
export function egressBoxes(policy: EgressPolicy, family: Family): EgressBox[] {
  const ranged = policy.rules
    .map((rule) => ({ rule, range: rangeOf(rule.to) }))
    .filter(({ range }) => range.family === family);
  const cuts = new Set(ranged.flatMap(({ range }) => [range.first, range.last + 1n]));
  const starts = [...cuts].toSorted((a, b) => (a < b ? -1 : 1));
  const stretches: { first: bigint; last: bigint; profile: Profile; text: string }[] = [];
  starts.slice(0, -1).forEach((first, i) => {
    const last = (starts[i + 1] as bigint) - 1n;
    const rules = ranged.filter(({ range }) => range.first <= first && last <= range.last).map((r) => r.rule);
    const profile = profileOf(rules, policy.default);
    const text = JSON.stringify(profile);
    const before = stretches.at(-1);
    if (before?.text === text) before.last = last;
    else stretches.push({ first, last, profile, text });
  });
  return stretches.flatMap(({ first, last, profile }) => boxesOf([first, last], profile, policy.default));
}

function profileOf(rules: readonly EgressRule[], fallback: EgressRule["action"]): Profile {
  const whole = rules.find(({ ports }) => ports.length === 0)?.action ?? fallback;
  return {
    tcp: segmentsOf(rules, "tcp", fallback),
    udp: segmentsOf(rules, "udp", fallback),
    sctp: segmentsOf(rules, "sctp", fallback),
    other: [{ action: whole, first: 0, last: LAST_PORT }],
  };
}

function segmentsOf(
  rules: readonly EgressRule[],
  protocol: Protocol,
  fallback: EgressRule["action"],
): Segment[] {
  const spans = rules.flatMap(({ ports }) => ports.filter((span) => span.protocol === protocol));
  const cuts = new Set([0, ...spans.flatMap(({ first, last }) => [first, last + 1])]);
  const starts = [...cuts].filter((start) => start <= LAST_PORT).toSorted((a, b) => a - b);
  const segments: Segment[] = [];
  starts.forEach((first, i) => {
    const last = (starts[i + 1] ?? LAST_PORT + 1) - 1;
    const matching = rules.find(
      ({ ports }) =>
        ports.length === 0 ||
        ports.some((span) => span.protocol === protocol && span.first <= first && last <= span.last),
    );
    const action = matching?.action ?? fallback;
    const before = segments.at(-1);
    if (before?.action === action) segments[segments.length - 1] = { ...before, last };
    else segments.push({ action, first, last });
  });
  return segments;
}

function boxesOf(
  addresses: EgressBox["addresses"],
  profile: Profile,
  fallback: EgressRule["action"],
): EgressBox[] {
  const all = [...WITH_PORTS.map((protocol) => profile[protocol]), profile.other].flat();
  const [only] = all;
  if (only !== undefined && all.length === 4 && all.every(({ action }) => action === only.action)) {
    if (only.action === fallback) return [];
    return [{ action: only.action, addresses, protocols: [0, 255], ports: [0, LAST_PORT] }];
  }
  const box = ({ action, first, last }: Segment, protocols: EgressBox["protocols"]): EgressBox[] =>
    action === fallback ? [] : [{ action, addresses, protocols, ports: [first, last] }];
  return [
    ...WITH_PORTS.flatMap((protocol) => profile[protocol].flatMap((one) => box(one, [protocol, protocol]))),
    ...OTHERS.flatMap((numbers) => profile.other.flatMap((one) => box(one, numbers))),
  ];
}

const FAMILIES = [
  { family: 4, header: "ip", address: "ipv4_addr" },
  { family: 6, header: "ip6", address: "ipv6_addr" },
] as const;

/** Policies of bridges in `egress`, by link; of endpoints in `own`, by address. */
export const EGRESS_MAPS: readonly MapDeclaration[] = [
  {
    name: "egress-deny",
    key: ["ifname"],
    comment: "bridges whose members may send only where a rule lets them",
  },
  ...FAMILIES.flatMap(({ family, address }): MapDeclaration[] => [
    {
      name: `egress${family}`,
      key: ["ifname", address, "inet_proto", "inet_service"],
      data: "verdict",
      interval: true,
    },
    { name: `own${family}`, key: [address], comment: "endpoints with a policy of their own" },
    { name: `own${family}-deny`, key: [address] },
    {
      name: `own-egress${family}`,
      key: [address, address, "inet_proto", "inet_service"],
      data: "verdict",
      interval: true,
    },
  ]),
];

const IIF = meta("iifname");
const TO_PORT = [meta("l4proto"), payload("th dport")];

/** What leaves a bridge with a policy goes here, and on when it may. Connections that stand are not judged again. */
export const EGRESS_CHAINS: readonly Chain[] = [
  {
    name: "egress",
    rules: [
      rule([is(ct("state"), ["established", "related"]), RETURN]),
      ...FAMILIES.map(({ family, header }): Rule =>
        rule([inSet([payload(`${header} saddr`)], `own${family}`), goto("own-egress")]),
      ),
      ...FAMILIES.map(({ family, header }) =>
        rule([vmap([IIF, payload(`${header} daddr`), ...TO_PORT], `egress${family}`)]),
      ),
      rule([inSet([IIF], "egress-deny"), DROP]),
    ],
  },
  {
    name: "own-egress",
    rules: FAMILIES.flatMap(({ family, header }) => {
      const source = payload(`${header} saddr`);
      return [
        rule([vmap([source, payload(`${header} daddr`), ...TO_PORT], `own-egress${family}`)]),
        rule([inSet([source], `own${family}-deny`), DROP]),
      ];
    }),
  },
];

/** The elements of a bridge's policy. */
export function policyElements(bridge: string, policy: EgressPolicy): FirewallElement[] {
  return [
    { map: "from", key: [bridge], data: "jump egress" },
    ...(policy.default === "deny" ? [{ map: "egress-deny", key: [bridge] }] : []),
    ...FAMILIES.flatMap(({ family }) => egressElements(`egress${family}`, bridge, policy, family)),
  ];
}

/** The elements of an endpoint's own policy, by one of its addresses. They count on a bridge that has a policy, too. */
export function ownPolicyElements(address: Ip, policy: EgressPolicy): FirewallElement[] {
  const family = familyOf(address);
  return [
    { map: `own${family}`, key: [address] },
    ...(policy.default === "deny" ? [{ map: `own${family}-deny`, key: [address] }] : []),
    ...egressElements(`own-egress${family}`, address, policy, family),
  ];
}

/** A policy of one family in a map whose key begins with `who`: a bridge, or an endpoint's address. */
export function egressElements(
  map: string,
  who: string,
  policy: EgressPolicy,
  family: Family,
): FirewallElement[] {
  return egressBoxes(policy, family).map(({ action, addresses, protocols, ports }) => ({
    map,
    key: [who, ipFromBigint(addresses[0], family), protocols[0], ports[0]],
    keyEnd: [who, ipFromBigint(addresses[1], family), protocols[1], ports[1]],
    // Who may leave still has to be let in, where it goes.
    data: action === "allow" ? ("return" as const) : ("drop" as const),
  }));
}
