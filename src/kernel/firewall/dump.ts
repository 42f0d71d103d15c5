import type { FirewallElement, FirewallVerdict } from "../../model/firewall.ts";
import {
  type Chain,
  type Hook,
  type MapDeclaration,
  resolverRedirect,
  type Table,
  TABLE,
  USER_PREFIX,
} from "../../plan/firewall/index.ts";
import type { AttrValues } from "../../wire/netlink/attrs.ts";
import type { Message, Request } from "../../wire/netlink/message.ts";
import {
  type ChainAttrs,
  decodeKey,
  decodeNft,
  dumpChains,
  dumpElements,
  dumpRules,
  dumpSets,
  dumpTables,
  type Expression,
  NF_INET,
  NFPROTO,
  NFT_VERDICT,
  type RuleAttrs,
  type SetAttrs,
  type SetElement,
  type SetElementsAttrs,
  setType,
  valueOf,
  type Verdict,
} from "../../wire/nftables/index.ts";
import { compileRule } from "./rules.ts";

/** The table `inet netdock` as the kernel shows it. */
export interface TableDump {
  readonly chains: readonly AttrValues<ChainAttrs>[];
  /** In the order in which they run, chain by chain. */
  readonly rules: readonly AttrValues<RuleAttrs>[];
  readonly sets: readonly AttrValues<SetAttrs>[];
  readonly elements: readonly AttrValues<SetElementsAttrs>[];
}

/** Sends a request that dumps, and gives each answer decoded: a socket's `dump`. */
export type Dump = <T>(request: Request, decode: (message: Message) => T) => T[];

const FAMILY = NFPROTO.INET;
const { name: NAME } = TABLE;

/** Reads our table; undefined when there is none. */
export function readTable(dump: Dump): TableDump | undefined {
  const ask = (request: Request): ReturnType<typeof decodeNft>[] =>
    dump(request, decodeNft).filter((message) => message.family === FAMILY);
  const tables = ask(dumpTables(FAMILY)).filter((m) => m.kind === "table" && m.value.name === NAME);
  // To ask for the sets of a table that is not there is an error.
  if (tables.length === 0) return undefined;
  const chains = ask(dumpChains(FAMILY)).flatMap((m) =>
    m.kind === "chain" && m.value.table === NAME ? [m.value] : [],
  );
  const rules = ask(dumpRules({ family: FAMILY, table: NAME })).flatMap((m) =>
    m.kind === "rule" ? [m.value] : [],
  );
  const sets = ask(dumpSets({ family: FAMILY, table: NAME })).flatMap((m) =>
    m.kind === "set" ? [m.value] : [],
  );
  const elements = sets
    .filter((set) => TABLE.maps.some((map) => map.name === set.name))
    .flatMap((set) => ask(dumpElements({ family: FAMILY, table: NAME, set: set.name as string })))
    .flatMap((m) => (m.kind === "elements" ? [m.value] : []));
  return { chains, rules, sets, elements };
}

/** The elements of our maps. Only for a table that `tableIsOurs`: there the types of keys are as declared. */
export function decodeElements(dump: Pick<TableDump, "elements">): FirewallElement[] {
  return dump.elements.flatMap(({ set, elements = [] }) => {
    const map = TABLE.maps.find((one) => one.name === set);
    return map === undefined ? [] : elements.flatMap((element) => decodeElement(map, element));
  });
}

function decodeElement(map: MapDeclaration, element: SetElement): FirewallElement[] {
  const { key, keyEnd, data } = element;
  if (key === undefined) return [];
  const out: {
    map: string;
    key: FirewallElement["key"];
    keyEnd?: FirewallElement["key"];
    data?: FirewallElement["data"];
  } = {
    map: map.name,
    key: decodeKey(map.key, valueOf(key)),
  };
  if (keyEnd !== undefined) out.keyEnd = decodeKey(map.key, valueOf(keyEnd));
  if (data !== undefined && "verdict" in data) out.data = verdictText(data.verdict);
  else if (data !== undefined && Array.isArray(map.data)) out.data = decodeKey(map.data, valueOf(data));
  return [out];
}

/** A verdict that we never write keeps a text of its own, so that a comparison sees the difference. */
function verdictText(verdict: Verdict): FirewallVerdict {
  const text =
    "chain" in verdict && verdict.chain !== undefined ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
  return text as FirewallVerdict;
}

/**
 * Whether the constant part of the table is as `compileTable` makes it: chains with their hooks, rules, and types of sets.
 * The user's chains and sets may be as they like; what else is there that we do not know makes the answer no.
 */
export function tableIsOurs(dump: TableDump): boolean {
  const chains = new Map(dump.chains.map((chain) => [chain.name, chain]));
  const sets = new Map(dump.sets.map((set) => [set.name, set]));
  const rules = Map.groupBy(dump.rules, (rule) => rule.chain);
  const foreign = [...chains.keys(), ...sets.keys()].some(
    (name) =>
      name !== undefined &&
      !name.startsWith(USER_PREFIX) &&
      !TABLE.chains.some((chain) => chain.name === name) &&
      !TABLE.maps.some((map) => map.name === name),
  );
  // An element for whatever key has none of its own: nothing that we write, and nothing that a change could remove.
  const catchAll = dump.elements.some(({ elements = [] }) => elements.some(({ key }) => key === undefined));
  return (
    !foreign &&
    !catchAll &&
    TABLE.chains.every((chain) => {
      const observed = chains.get(chain.name);
      if (observed === undefined || !sameHook(chain, observed)) return false;
      return chain.user === true || sameRules(chain, rules.get(chain.name) ?? [], TABLE.family);
    }) &&
    TABLE.maps.every((map) => {
      const observed = sets.get(map.name);
      return observed !== undefined && sameType(map, observed);
    })
  );
}

/** Whether the table that leads the embedded resolver's port 53 to `port` is there, with its chains and rules. */
export function hasRedirect(dump: Dump, port: number): boolean {
  const table = resolverRedirect(port);
  const isOurs = (m: { readonly table?: string | undefined }): boolean => m.table === table.name;
  const chains = dump(dumpChains(NFPROTO.IPV4), decodeNft).flatMap((m) =>
    m.kind === "chain" && isOurs(m.value) ? [m.value] : [],
  );
  const rules = Map.groupBy(
    dump(dumpRules({ family: NFPROTO.IPV4 }), decodeNft).flatMap((m) =>
      m.kind === "rule" && isOurs(m.value) ? [m.value] : [],
    ),
    (rule) => rule.chain,
  );
  return table.chains.every((chain) => {
    const found = chains.find((one) => one.name === chain.name);
    return (
      found !== undefined && sameHook(chain, found) && sameRules(chain, rules.get(chain.name) ?? [], "ip")
    );
  });
}

function sameRules(
  chain: Chain,
  observed: readonly AttrValues<RuleAttrs>[],
  family: Table["family"],
): boolean {
  return (
    chain.rules.length === observed.length &&
    chain.rules.every((rule, i) => {
      const wanted = compileRule(rule, family);
      const { expressions = [] } = observed[i] as AttrValues<RuleAttrs>;
      return sameExpressions(wanted, expressions);
    })
  );
}

export function sameExpressions(wanted: readonly Expression[], observed: readonly Expression[]): boolean {
  return wanted.length === observed.length && wanted.every((one, i) => sameExpression(one, observed[i]));
}

/** The kernel shows defaults that nobody sent (`flags: 0`, ends of ranges), so all that we send must be shown, not more. */
function sameExpression(wanted: Expression, observed: Expression | undefined): boolean {
  return observed !== undefined && covers(observed, wanted) && inverted(observed) === inverted(wanted);
}

/** An inverted lookup is told by a flag that we leave out. */
function inverted(expression: Expression): boolean {
  return expression.kind === "lookup" && (expression.data?.flags ?? 0) !== 0;
}

/** Every property of `part` is in `whole`, bytes equal. */
function covers(whole: unknown, part: unknown): boolean {
  if (part instanceof Uint8Array) {
    return (
      whole instanceof Uint8Array &&
      part.length === whole.length &&
      part.every((byte, i) => byte === whole[i])
    );
  }
  if (typeof part !== "object" || part === null) return part === whole;
  if (typeof whole !== "object" || whole === null) return false;
  return Object.entries(part).every(
    ([key, value]) => value === undefined || covers((whole as Record<string, unknown>)[key], value),
  );
}

/** Whether a chain of the kernel's is a base chain of the same type, hook and priority that accepts, or none, as declared. */
export function sameHook(wanted: Chain, observed: AttrValues<ChainAttrs>): boolean {
  const { hook } = wanted;
  if (hook === undefined) return observed.hook === undefined;
  return (
    observed.hook?.hooknum === HOOKS[hook.hook] &&
    observed.hook.priority === hook.priority &&
    observed.type === hook.type &&
    observed.policy === NFT_VERDICT.ACCEPT
  );
}

/** Numbers of the hooks by nft's names. */
export const HOOKS: Readonly<Record<Hook["hook"], number>> = {
  prerouting: NF_INET.PRE_ROUTING,
  input: NF_INET.LOCAL_IN,
  forward: NF_INET.FORWARD,
  output: NF_INET.LOCAL_OUT,
  postrouting: NF_INET.POST_ROUTING,
};

/** Whether a set of the kernel's has the declared types and flags. */
export function sameType(wanted: MapDeclaration, observed: AttrValues<SetAttrs>): boolean {
  const type = setType(wanted);
  // The kernel sets the size of a verdict itself, and does not show lengths of zero.
  const keys = [
    "flags",
    "keyType",
    "keyLen",
    "dataType",
    ...(wanted.data === "verdict" ? [] : ["dataLen" as const]),
  ] as const;
  return keys.every((key) => (type[key] ?? 0) === (observed[key] ?? 0));
}
