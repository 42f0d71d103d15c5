import { DOCKER_USER, OWN_CHAIN, type SanctionedRule } from "../../plan/firewall/index.ts";
import type { AttrValues } from "../../wire/netlink/attrs.ts";
import {
  addChain,
  addRule,
  compare,
  decodeNft,
  deleteChain,
  deleteRule,
  dumpChains,
  dumpRules,
  type Expression,
  flushRules,
  loadMeta,
  NFPROTO,
  NFT_META,
  NFT_REG,
  type RuleAttrs,
  verdictExpr,
} from "../../wire/nftables/index.ts";
import { underWayOrTranslated } from "../ruleset/xt.ts";
import { firewallBatch, type FirewallBatch, type Step } from "./batch.ts";
import { type Dump, sameExpressions } from "./dump.ts";

const TABLE = "filter";
type SanctionFamily = "ip" | "ip6";
const FAMILIES: Readonly<Record<SanctionFamily, number>> = { ip: NFPROTO.IPV4, ip6: NFPROTO.IPV6 };
export const SANCTION_FAMILIES: readonly SanctionFamily[] = ["ip", "ip6"];

/** iptables shows it beside each of our rules. */
const COMMENT = "netdock";

/** What concerns us of an iptables-nft table `filter`. */
export interface SanctionedPlace {
  readonly family: SanctionFamily;
  /** Docker was here; without its chain there is nothing to put rules into. */
  readonly exists: boolean;
  readonly hasOwnChain: boolean;
  readonly docker: readonly AttrValues<RuleAttrs>[];
  readonly own: readonly AttrValues<RuleAttrs>[];
  /** Docker's bridges: links that rules of its name. */
  readonly dockers: readonly string[];
}

export function readSanctionedPlace(dump: Dump, family: SanctionFamily): SanctionedPlace {
  const number = FAMILIES[family];
  const names = dump(dumpChains(number), decodeNft).flatMap((m) =>
    m.kind === "chain" && m.family === number && m.value.table === TABLE ? [m.value.name] : [],
  );
  const exists = names.includes(DOCKER_USER);
  const all =
    exists || names.includes(OWN_CHAIN)
      ? dump(dumpRules({ family: number, table: TABLE }), decodeNft).flatMap((m) =>
          m.kind === "rule" && m.family === number && m.value.table === TABLE ? [m.value] : [],
        )
      : [];
  const rules = (name: string): AttrValues<RuleAttrs>[] => all.filter(({ chain }) => chain === name);
  return {
    family,
    exists,
    hasOwnChain: names.includes(OWN_CHAIN),
    docker: rules(DOCKER_USER),
    own: rules(OWN_CHAIN),
    dockers: [...new Set(all.filter(isDockers).flatMap(linksNamed))],
  };
}

/** In a chain of Docker's, or leading to one; in DOCKER-USER stands what is not Docker's. */
function isDockers(rule: AttrValues<RuleAttrs>): boolean {
  const { chain = "" } = rule;
  if (chain === DOCKER_USER || chain === OWN_CHAIN) return false;
  return chain.startsWith("DOCKER") || verdictOf(rule)?.chain?.startsWith("DOCKER") === true;
}

/** Whole names of links that a rule compares with. */
function linksNamed(rule: AttrValues<RuleAttrs>): string[] {
  const { expressions = [] } = rule;
  return expressions.flatMap((expression, i) => {
    const before = expressions[i - 1];
    if (before?.kind !== "meta" || expression.kind !== "cmp") return [];
    const isName = before.data?.key === NFT_META.IIFNAME || before.data?.key === NFT_META.OIFNAME;
    const { data } = expression.data ?? {};
    if (!isName || data === undefined || !("value" in data)) return [];
    const end = data.value.indexOf(0);
    return end <= 0 ? [] : [new TextDecoder().decode(data.value.subarray(0, end))];
  });
}

/** Whether the rules are there, in order, with nothing of ours beside them, and where they are reached. */
export function sanctionIsThere(place: SanctionedPlace, rules: readonly SanctionedRule[]): boolean {
  const [own, jumps] = split(place.exists ? rules : []);
  const there = place.docker.filter(isOurJump);
  const end = place.docker.findIndex(isReturn);
  const last = place.docker.findLastIndex(isOurJump);
  return (
    place.hasOwnChain === own.length > 0 &&
    same(place.own, own) &&
    same(there, jumps) &&
    (end < 0 || last < end)
  );
}

/**
 * Makes the place as the rules say; none takes everything of ours away. Ours go behind the user's own, so that what a user
 * denies there stays denied, and before the return at the end that dockerd puts there.
 */
export function compileSanction(
  place: SanctionedPlace,
  rules: readonly SanctionedRule[],
  firstSeq: number,
): FirewallBatch | undefined {
  const at = { family: FAMILIES[place.family], table: TABLE };
  const [own, jumps] = split(place.exists ? rules : []);
  const before = place.docker.find(isReturn)?.handle;
  const steps: Step[] = place.docker.filter(isOurJump).map(({ handle = 0n }) => ({
    request: deleteRule({ ...at, chain: DOCKER_USER, handle }),
    subject: `rule ${handle} of chain ${DOCKER_USER}`,
  }));
  if (own.length > 0)
    steps.push({ request: addChain({ ...at, name: OWN_CHAIN }), subject: `chain ${OWN_CHAIN}` });
  if (place.hasOwnChain) {
    steps.push({ request: flushRules({ ...at, chain: OWN_CHAIN }), subject: `rules of chain ${OWN_CHAIN}` });
    if (own.length === 0) {
      steps.push({ request: deleteChain({ ...at, name: OWN_CHAIN }), subject: `chain ${OWN_CHAIN}` });
    }
  }
  for (const rule of [...own, ...jumps]) {
    const { chain } = rule;
    const request = addRule({
      ...at,
      chain,
      expressions: expressionsOf(rule),
      comment: COMMENT,
      ...(chain === DOCKER_USER && before !== undefined ? { before } : {}),
    });
    steps.push({ request, subject: `rule of chain ${chain} in table ${place.family} ${TABLE}` });
  }
  return steps.length === 0 ? undefined : firewallBatch(steps, firstSeq);
}

function split(rules: readonly SanctionedRule[]): [SanctionedRule[], SanctionedRule[]] {
  return [
    rules.filter((rule) => rule.chain === OWN_CHAIN),
    rules.filter((rule) => rule.chain === DOCKER_USER),
  ];
}

function same(observed: readonly AttrValues<RuleAttrs>[], wanted: readonly SanctionedRule[]): boolean {
  return (
    observed.length === wanted.length &&
    wanted.every((rule, i) => sameExpressions(expressionsOf(rule), withoutCounters(observed[i])))
  );
}

/** Who saves and restores the tables brings counters back with the rules. */
function withoutCounters(rule: AttrValues<RuleAttrs> | undefined): Expression[] {
  return (rule?.expressions ?? []).filter(({ kind }) => kind !== "counter");
}

/** As iptables writes `-i NAME -j TO`; a prefix is compared without the NUL at its end. */
function expressionsOf({ iif, oif, to }: SanctionedRule): Expression[] {
  const verdict = verdictExpr(to === OWN_CHAIN ? { kind: "jump", chain: to } : { kind: to });
  const name = iif ?? oif;
  if (name === undefined) return [underWayOrTranslated(), verdict];
  const isPrefix = name.endsWith("*");
  const bytes = new TextEncoder().encode(isPrefix ? name.slice(0, -1) : `${name}\0`);
  return [
    loadMeta(iif === undefined ? NFT_META.OIFNAME : NFT_META.IIFNAME, NFT_REG.R1),
    compare(NFT_REG.R1, "==", bytes),
    verdict,
  ];
}

function verdictOf(
  rule: AttrValues<RuleAttrs>,
): { readonly kind: string; readonly chain?: string | undefined } | undefined {
  const last = rule.expressions?.at(-1);
  if (last?.kind !== "immediate") return undefined;
  const { data } = last.data ?? {};
  return data !== undefined && "verdict" in data ? data.verdict : undefined;
}

function isOurJump(rule: AttrValues<RuleAttrs>): boolean {
  return verdictOf(rule)?.chain === OWN_CHAIN;
}

/** `-j RETURN` without a condition, which old versions of dockerd keep at the end. */
function isReturn(rule: AttrValues<RuleAttrs>): boolean {
  return verdictOf(rule)?.kind === "return" && withoutCounters(rule).length === 1;
}
