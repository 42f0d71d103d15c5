import type { AttrValues } from "../../wire/netlink/attrs.ts";
import type { Request } from "../../wire/netlink/message.ts";
import {
  type ChainAttrs,
  decodeNft,
  dumpChains,
  dumpElements,
  dumpRules,
  dumpSets,
  NFPROTO,
  type NftMessage,
  type RuleAttrs,
  type SetAttrs,
  type SetElement,
} from "../../wire/nftables/index.ts";
import type { Dump } from "../firewall/index.ts";

/** A chain of anybody's, with its rules in the order in which they run. */
export interface RulesetChain extends AttrValues<ChainAttrs> {
  readonly family: number;
  readonly rules: readonly AttrValues<RuleAttrs>[];
}

export interface RulesetSet extends AttrValues<SetAttrs> {
  readonly elements: readonly SetElement[];
}

/** Everything that nf_tables holds in a namespace for IPv4 and IPv6, whoever made it: iptables-nft's tables are among it. */
export interface Ruleset {
  readonly chains: readonly RulesetChain[];
  chain(of: Place, name: string): RulesetChain | undefined;
  set(of: Place, name: string): RulesetSet | undefined;
}

export interface Place {
  readonly family: number;
  readonly table?: string | undefined;
}

/** Families whose chains see IP packets. */
const FAMILIES: readonly number[] = [NFPROTO.INET, NFPROTO.IPV4, NFPROTO.IPV6];

/** Reads the whole ruleset; sets are read when something looks into them. */
export function readRuleset(dump: Dump): Ruleset {
  const ask = <K extends NftMessage["kind"]>(request: Request, kind: K): Of<K>[] =>
    dump(request, decodeNft).filter((m): m is Of<K> => m.kind === kind && FAMILIES.includes(m.family));
  const key = (of: Place, chain: string | undefined): string => `${of.family} ${of.table} ${chain}`;
  const rules = Map.groupBy(ask(dumpRules({ family: NFPROTO.UNSPEC }), "rule"), ({ family, value }) =>
    key({ family, table: value.table }, value.chain),
  );
  const chains = ask(dumpChains(NFPROTO.UNSPEC), "chain").map(({ family, value }): RulesetChain => {
    const own = rules.get(key({ family, table: value.table }, value.name)) ?? [];
    return { ...value, family, rules: own.map((rule) => rule.value) };
  });
  const byName = new Map(chains.map((chain) => [key(chain, chain.name), chain]));
  const sets = new Map(
    ask(dumpSets({ family: NFPROTO.UNSPEC }), "set").map(({ family, value }) => [
      key({ family, table: value.table }, value.name),
      value,
    ]),
  );
  const read = new Map<string, RulesetSet>();
  return {
    chains,
    chain: (of, name) => byName.get(key(of, name)),
    set(of, name) {
      const at = key(of, name);
      const known = read.get(at);
      const set = sets.get(at);
      if (known !== undefined || set === undefined) return known;
      const list = ask(dumpElements({ family: of.family, table: of.table as string, set: name }), "elements");
      const whole = { ...set, elements: list.flatMap(({ value }) => value.elements ?? []) };
      read.set(at, whole);
      return whole;
    },
  };
}

type Of<K extends NftMessage["kind"]> = Extract<NftMessage, { kind: K }>;
