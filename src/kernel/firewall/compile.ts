import { NetError } from "../../base/errors.ts";
import type { Blockade, FirewallChange, FirewallElement, FirewallVerdict } from "../../model/firewall.ts";
import {
  blockadeElement,
  type Chain,
  diffElements,
  elementKey,
  formatRule,
  type MapDeclaration,
  PARTITION_TABLES,
  resolverRedirect,
  type Table,
  TABLE,
  USER_PREFIX,
} from "../../plan/firewall/index.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  type Data,
  deleteChain,
  deleteElements,
  deleteSet,
  deleteTable,
  encodeKey,
  flushRules,
  flushSet,
  NFPROTO,
  NFT_VERDICT,
  type SetElement,
  setType,
  type Verdict,
} from "../../wire/nftables/index.ts";
import { NLM_F } from "../../wire/netlink/numbers.ts";
import { firewallBatch, type FirewallBatch, type Step } from "./batch.ts";
import { HOOKS, sameHook, sameType, type TableDump } from "./dump.ts";
import { compileRule } from "./rules.ts";

/** Elements in one message: with the longest keys about 40 KiB of the 64 KiB that an attribute can hold. */
const ELEMENTS_PER_MESSAGE = 256;

const FAMILIES = {
  inet: NFPROTO.INET,
  ip: NFPROTO.IPV4,
  ip6: NFPROTO.IPV6,
  bridge: NFPROTO.BRIDGE,
} as const;

/**
 * Writes the whole table `inet netdock` anew, with these elements, in one transaction. `observed` is what `readTable` gave:
 * with it, chains and sets that another version of netdock left are removed too; undefined means that the table is absent.
 * Chains and sets whose names begin with USER_PREFIX stay as they are, and sets that a user's rule may refer to are
 * emptied and filled, not replaced.
 */
export function compileTable(
  elements: readonly FirewallElement[],
  options: { readonly observed: TableDump | undefined; readonly firstSeq: number },
): FirewallBatch {
  const steps = [
    ...clearSteps(TABLE, options.observed),
    ...tableSteps(TABLE, options.observed !== undefined),
  ];
  for (const [map, list] of Map.groupBy(elements, (element) => element.map)) {
    steps.push(...elementSteps(TABLE, "add", map, list));
  }
  steps.push(...ruleSteps(TABLE));
  return firewallBatch(steps, options.firstSeq);
}

/**
 * Adds and removes elements in one transaction; undefined when there is nothing to do. Adding what is there with the same
 * data changes nothing; removing what is absent is fine, as each removed element is added first: the kernel ignores the
 * addition of an equal one, and refuses to delete what it does not have. A key in both lists gets its new data.
 * An added or removed element whose key the kernel has with other data is refused with EEXIST: the table is then not
 * what we think it is, and needs `compileTable`.
 */
export function compileChange(change: FirewallChange, firstSeq: number): FirewallBatch | undefined {
  const steps: Step[] = [];
  for (const [map, list] of Map.groupBy(change.remove, (element) => element.map)) {
    // Without its data a map's element cannot be added: then it must be there.
    const whole =
      declaration(TABLE, map).data === undefined
        ? list
        : list.filter((element) => element.data !== undefined);
    steps.push(...elementSteps(TABLE, "add", map, whole), ...elementSteps(TABLE, "delete", map, list));
  }
  for (const [map, list] of Map.groupBy(change.add, (element) => element.map)) {
    steps.push(...elementSteps(TABLE, "add", map, list));
  }
  return steps.length === 0 ? undefined : firewallBatch(steps, firstSeq);
}

/**
 * Makes the blockades `from` into `to`; undefined when there is nothing to do. One transaction: what is blocked before and
 * after is blocked all the time. `from` undefined: nobody knows what is there, and the tables are written anew, which may
 * wait for the kernel's clean-up of the old ones. Without blockades there are no tables.
 */
export function compilePartition(
  change: { readonly from: readonly Blockade[] | undefined; readonly to: readonly Blockade[] },
  firstSeq: number,
): FirewallBatch | undefined {
  const to = change.to.map(blockadeElement);
  const from = change.from?.map(blockadeElement);
  if (from === undefined || from.length === 0 || to.length === 0) {
    const old = from?.length === 0 ? [] : PARTITION_TABLES.flatMap(removalSteps);
    const made = to.length === 0 ? [] : PARTITION_TABLES.flatMap((table) => wholeSteps(table, to));
    const steps = [...old, ...made];
    return steps.length === 0 ? undefined : firewallBatch(steps, firstSeq);
  }
  const { add, remove } = diffElements(from, to);
  const steps = PARTITION_TABLES.flatMap((table) => [
    ...changeSteps(table, "delete", remove),
    ...changeSteps(table, "add", add),
  ]);
  return steps.length === 0 ? undefined : firewallBatch(steps, firstSeq);
}

/** A table that is not there yet, with those of the elements that are for its maps. */
function wholeSteps(table: Table, elements: readonly FirewallElement[]): Step[] {
  return [...tableSteps(table, false), ...changeSteps(table, "add", elements), ...ruleSteps(table)];
}

function changeSteps(table: Table, what: "add" | "delete", elements: readonly FirewallElement[]): Step[] {
  const byMap = Map.groupBy(elements, (element) => element.map);
  return table.maps.flatMap(({ name }) => elementSteps(table, what, name, byMap.get(name) ?? []));
}

/** Removes the host's table with everything in it, the user's chain too. An absent table is fine. */
export function compileRemoval(firstSeq: number): FirewallBatch {
  return firewallBatch(removalSteps(TABLE), firstSeq);
}

/**
 * The sandbox's table that leads port 53 of the embedded resolver to `port`; 0 removes it. Rules that are there are
 * replaced. The table itself is not: deleting it would cost more than all the rest, and make the socket wait when closed.
 */
export function compileRedirect(port: number, firstSeq: number): FirewallBatch {
  const table = resolverRedirect(port);
  if (port === 0) return firewallBatch(removalSteps(table), firstSeq);
  const flush = {
    request: flushRules(place(table)),
    subject: `rules of table ${table.family} ${table.name}`,
  };
  return firewallBatch([...tableSteps(table, false), flush, ...ruleSteps(table)], firstSeq);
}

/** The same in a namespace that has no such table yet; refused with EEXIST where there is one. Deletes nothing. */
export function compileFirstRedirect(port: number, firstSeq: number): FirewallBatch {
  const table = resolverRedirect(port);
  const { request, subject } = newTable(table);
  const exclusive = { request: { ...request, flags: request.flags | NLM_F.EXCL }, subject };
  const [, ...rest] = tableSteps(table, false);
  return firewallBatch([exclusive, ...rest, ...ruleSteps(table)], firstSeq);
}

function place(table: Table): { family: number; table: string } {
  return { family: FAMILIES[table.family], table: table.name };
}

const newTable = (table: Table): Step => {
  const { name, comment } = table;
  return {
    request: addTable({ family: FAMILIES[table.family], name, comment }),
    subject: `table ${table.family} ${name}`,
  };
};

/** Made first, so that there is something to delete. */
function removalSteps(table: Table): Step[] {
  const request = deleteTable({ family: FAMILIES[table.family], name: table.name });
  return [newTable(table), { request, subject: `table ${table.family} ${table.name}` }];
}

/** What another version left, or somebody changed: removed where it cannot stay, in the order references allow. */
function clearSteps(table: Table, observed: TableDump | undefined): Step[] {
  if (observed === undefined) return [];
  const at = place(table);
  const ours = (name: string | undefined): name is string =>
    name !== undefined && !name.startsWith(USER_PREFIX);
  const steps: Step[] = [];
  for (const { name } of observed.chains) {
    if (ours(name))
      steps.push({ request: flushRules({ ...at, chain: name }), subject: `rules of chain ${name}` });
  }
  // Elements may jump to chains, so they go before any chain does.
  for (const set of observed.sets) {
    const { name } = set;
    // Sets without a name of their own belong to a rule and go with it.
    if (!ours(name) || isAnonymous(set)) continue;
    steps.push({ request: flushSet({ ...at, set: name }), subject: `elements of ${name}` });
    const wanted = table.maps.find((map) => map.name === name);
    if (wanted === undefined || !sameType(wanted, set)) {
      steps.push({ request: deleteSet({ ...at, name }), subject: `set ${name}` });
    }
  }
  for (const chain of observed.chains) {
    const { name } = chain;
    if (!ours(name)) continue;
    const wanted = table.chains.find((one) => one.name === name);
    if (wanted === undefined || !sameHook(wanted, chain)) {
      steps.push({ request: deleteChain({ ...at, name }), subject: `chain ${name}` });
    }
  }
  return steps;
}

const isAnonymous = (set: { readonly flags?: number | undefined }): boolean => ((set.flags ?? 0) & 1) !== 0;

/** The table, its chains and its empty sets. */
function tableSteps(table: Table, exists: boolean): Step[] {
  const at = place(table);
  return [
    ...(exists ? [] : [newTable(table)]),
    ...table.chains.map((chain) => ({ request: newChain(table, chain), subject: `chain ${chain.name}` })),
    ...table.maps.map((map, i) => {
      const { name, comment } = map;
      return {
        request: addSet({ ...at, name, type: setType(map), id: i + 1, comment }),
        subject: `set ${name}`,
      };
    }),
  ];
}

function newChain(table: Table, { name, hook }: Chain): Step["request"] {
  const at = place(table);
  if (hook === undefined) return addChain({ ...at, name });
  const { type, priority } = hook;
  return addChain({
    ...at,
    name,
    hook: { type, hooknum: HOOKS[hook.hook], priority },
    policy: NFT_VERDICT.ACCEPT,
  });
}

function ruleSteps(table: Table): Step[] {
  return table.chains.flatMap((chain) =>
    chain.rules.map((rule) => ({
      request: addRule({
        ...place(table),
        chain: chain.name,
        expressions: compileRule(rule, table.family),
        comment: rule.comment,
      }),
      subject: `rule "${formatRule(rule)}" of chain ${chain.name}`,
    })),
  );
}

function declaration(table: Table, name: string): MapDeclaration {
  const found = table.maps.find((map) => map.name === name);
  if (found !== undefined) return found;
  throw new NetError("internal", "firewall.compile", {
    message: `table ${table.family} ${table.name} has no map ${name}`,
  });
}

function elementSteps(
  table: Table,
  what: "add" | "delete",
  name: string,
  list: readonly FirewallElement[],
): Step[] {
  const map = declaration(table, name);
  const steps: Step[] = [];
  for (let at = 0; at < list.length; at += ELEMENTS_PER_MESSAGE) {
    const part = list.slice(at, at + ELEMENTS_PER_MESSAGE);
    const elements = part.map((element) => compileElement(map, element, what === "add"));
    const message = { ...place(table), set: name, elements };
    const request = what === "add" ? addElements(message) : deleteElements(message);
    steps.push({ request, subject: `elements of ${name}`, elements: part });
  }
  return steps;
}

function compileElement(map: MapDeclaration, element: FirewallElement, withData: boolean): SetElement {
  const { key, keyEnd, data } = element;
  const label = `element ${elementKey(element)}`;
  const first = { value: encodeKey(map.key, key, label) };
  // In a set of ranges a single key is a range of one.
  const end = keyEnd ?? (map.interval === true ? key : undefined);
  const out: { key: Data; keyEnd?: Data; data?: Data } = { key: first };
  if (end !== undefined) out.keyEnd = { value: encodeKey(map.key, end, label) };
  if (!withData || data === undefined) return out;
  if (typeof data === "string") out.data = { verdict: compileVerdict(data) };
  else if (Array.isArray(map.data)) out.data = { value: encodeKey(map.data, data, label) };
  return out;
}

function compileVerdict(verdict: FirewallVerdict): Verdict {
  if (verdict === "accept" || verdict === "drop" || verdict === "return") return { kind: verdict };
  const [kind, chain] = verdict.split(" ") as ["jump" | "goto", string];
  return { kind, chain };
}
