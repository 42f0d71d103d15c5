import { addressOf, cidrParts, subnetOf } from "../base/cidr.ts";
import type { ObservedLink, ObservedNetns } from "../model/host.ts";
import {
  type Blueprint,
  EMPTY_BLUEPRINT,
  type LinkSpec,
  type NetnsKey,
  type Op,
  type RouteSpec,
} from "../model/ops.ts";
import { linkNames } from "./blueprint.ts";
import { isOurs, Sight } from "./sight.ts";

/** One difference between what should be and what is, with the words for a person and the steps that close it. */
export interface Repair {
  readonly text: string;
  readonly subject: string;
  /** Empty where the difference is not ours to mend. */
  readonly ops: readonly Op[];
}

/** For `planRepairs`: nothing is swept. */
export const NO_SWEEP: NetnsKey = "";

/** What the kernel holds, by namespace. Namespaces that were not looked at count as empty. */
export type ObservedMap = ReadonlyMap<NetnsKey, ObservedNetns>;

type LinkPlan = Blueprint["links"][number];

/**
 * Compares all blueprints with the kernel and gives the steps that close the gap, firewall aside (it is compared as a whole).
 * First goes what belongs to nothing in the namespace `sweep`: a name or address it holds may be wanted again. Then come the
 * blueprints in their order: a link must come after its bridge. A link of a wanted name that is not ours is left alone, with
 * all that would stand on it.
 */
export function planRepairs(
  blueprints: readonly Blueprint[],
  observed: ObservedMap,
  sweep: NetnsKey,
): Repair[] {
  const sight = new Sight(observed);
  const swept = sweepLinks(blueprints, sweep, observed.get(sweep)?.links ?? []);
  for (const { subject } of swept) sight.forget(sweep, subject);
  return [...swept, ...blueprints.flatMap((blueprint) => repairBlueprint(blueprint, sight))];
}

/**
 * Whether something is missing in a sandbox, judged by what is in its own namespace. The outer ends of its links are seen
 * from the host.
 */
export function differsInside(blueprint: Blueprint, netns: NetnsKey, observed: ObservedNetns): boolean {
  const up = new Set(observed.links.filter((link) => link.up).map((link) => link.name));
  const lacksLink = blueprint.links.some(
    ({ link: { kind } }) => kind.type === "veth" && kind.peer.netns === netns && !up.has(kind.peer.name),
  );
  const addresses = blueprint.addresses.filter((one) => one.netns === netns);
  const routes = blueprint.routes.filter((one) => one.netns === netns);
  const inside = { ...EMPTY_BLUEPRINT, addresses, routes };
  return lacksLink || planRepairs([inside], new Map([[netns, observed]]), NO_SWEEP).length > 0;
}

/** Links of ours that no blueprint wants, by that name and alias. */
function sweepLinks(
  blueprints: readonly Blueprint[],
  netns: NetnsKey,
  links: readonly ObservedLink[],
): Repair[] {
  const wanted = new Map(
    blueprints
      .flatMap((b) => b.links)
      .filter((plan) => plan.netns === netns && plan.foreign !== true)
      .map(({ link }) => [link.name, link]),
  );
  return links
    .filter((link) => {
      const spec = wanted.get(link.name);
      return isOurs(link) && (spec === undefined || (link.alias !== "" && link.alias !== spec.alias));
    })
    .map((link) => ({
      text: `link ${link.name} (${link.alias || "no alias"}) belongs to nothing`,
      subject: link.name,
      ops: [{ op: "link.delete", netns, name: link.name }],
    }));
}

function repairBlueprint(blueprint: Blueprint, sight: Sight): Repair[] {
  const repairs: Repair[] = [];
  let remade = false;
  for (const plan of blueprint.links) {
    const repair = repairLink(plan, sight);
    if (repair !== undefined) repairs.push(repair);
    repairs.push(...raisePeer(plan, sight));
    remade ||= repair?.ops.some((op) => op.op === "link.create") === true;
  }
  // Sysctls are not read back. They go with the links: values under a new link are the kernel's defaults, and a machine that
  // was started again has lost both.
  if (remade) repairs.push(...blueprint.sysctls.map(sysctlRepair));
  for (const { netns, link, addresses } of blueprint.links) {
    for (const address of addresses) repairs.push(...repairAddress(netns, link.name, address, sight));
  }
  for (const { netns, address } of blueprint.addresses) {
    repairs.push(...repairAddress(netns, address.link, address.address, sight));
  }
  for (const { netns, route } of blueprint.routes) repairs.push(...repairRoute(netns, route, sight));
  return repairs;
}

function repairLink({ netns, link, foreign }: LinkPlan, sight: Sight): Repair | undefined {
  const { name } = link;
  const found = sight.link(netns, name);
  if (foreign === true) {
    if (found !== undefined) return setLink(netns, { name, kind: link.kind, up: link.up }, found);
    sight.block(netns, name);
    return { text: `link ${name} (not ours to make) is missing`, subject: name, ops: [] };
  }
  if (found === undefined) return makeLink(netns, link, `link ${name} is missing`, [], sight);
  if (!isOurs(found) || (found.alias !== "" && found.alias !== link.alias)) {
    for (const place of linkNames(link, netns)) sight.block(place.netns, place.name);
    return { text: `link ${name} exists and is not ours`, subject: name, ops: [] };
  }
  return repairPeer(netns, link, sight) ?? setLink(netns, link, found);
}

/** A veth whose other end is gone or lives elsewhere cannot be mended, only made anew. */
function repairPeer(netns: NetnsKey, link: LinkSpec, sight: Sight): Repair | undefined {
  if (link.kind.type !== "veth") return undefined;
  const { peer } = link.kind;
  if (sight.link(peer.netns, peer.name) !== undefined) return undefined;
  const text = `link ${peer.name}, the other end of ${link.name}, is missing`;
  return makeLink(netns, link, text, [{ op: "link.delete", netns, name: link.name }], sight);
}

/** The other end of a veth that stands is up. */
function raisePeer({ link }: LinkPlan, sight: Sight): Repair[] {
  if (link.kind.type !== "veth") return [];
  const { netns, name } = link.kind.peer;
  if (sight.blocked(netns, name) || sight.link(netns, name)?.up !== false) return [];
  const text = `link ${name}, the other end of ${link.name}, is down`;
  return [{ text, subject: name, ops: [{ op: "link.set", netns, name, set: { up: true } }] }];
}

function makeLink(
  netns: NetnsKey,
  link: LinkSpec,
  text: string,
  before: readonly Op[],
  sight: Sight,
): Repair {
  for (const place of linkNames(link, netns)) sight.forget(place.netns, place.name);
  return { text, subject: link.name, ops: [...before, { op: "link.create", netns, link }] };
}

type LinkChange = Extract<Op, { op: "link.set" }>["set"];

/** What can be changed on a link that stands. */
function setLink(netns: NetnsKey, link: LinkSpec, found: ObservedLink): Repair | undefined {
  const set: { -readonly [K in keyof LinkChange]: LinkChange[K] } = {};
  const words: string[] = [];
  if (link.alias !== undefined && found.alias === "") {
    set.alias = link.alias;
    words.push("has no alias");
  }
  if (link.up && !found.up) {
    set.up = true;
    words.push("is down");
  }
  if (link.mtuBytes !== undefined && link.mtuBytes !== found.mtuBytes) {
    set.mtuBytes = link.mtuBytes;
    words.push(`has MTU ${found.mtuBytes} instead of ${link.mtuBytes}`);
  }
  if (link.master !== undefined && link.master !== found.master) {
    set.master = link.master;
    if (link.hairpin === true) set.hairpin = true;
    if (link.isolated === true) set.isolated = true;
    words.push(`is not a port of ${link.master}`);
  } else if (link.isolated === true && found.apart === false) {
    set.isolated = true;
    words.push("is not kept apart from the other ports");
  }
  if (link.kind.type === "bridge" && link.kind.filtered === true && found.filtered !== true) {
    set.filtered = true;
    words.push("keeps its frames from the firewall");
  }
  if (words.length === 0) return undefined;
  return {
    text: `link ${link.name} ${words.join(", ")}`,
    subject: link.name,
    ops: [{ op: "link.set", netns, name: link.name, set }],
  };
}

function sysctlRepair(sysctl: Blueprint["sysctls"][number]): Repair {
  const { netns, key, value, optional } = sysctl;
  const op = { op: "sysctl.set", netns, key, value, ...(optional === true ? { optional } : {}) } as const;
  return { text: `sysctl ${key} may be at its default`, subject: key, ops: [op] };
}

function repairAddress(
  netns: NetnsKey,
  link: string,
  address: ObservedLink["addresses"][number],
  sight: Sight,
): Repair[] {
  if (sight.blocked(netns, link)) return [];
  const found = sight.link(netns, link);
  if (found?.addresses.includes(address) !== true) {
    const text = `address ${address} is missing on ${link}`;
    return [{ text, subject: link, ops: [{ op: "address.add", netns, address: { link, address } }] }];
  }
  if (found.unrouted?.includes(address) !== true) return [];
  const destination = subnetOf(address);
  // IPv4 drops a route together with its preferred source, which IPv6 does not need.
  const { family } = cidrParts(address);
  const route = { destination, link, ...(family === 4 ? { source: addressOf(address) } : {}) };
  const text = `route ${destination} by ${link} is missing`;
  return [{ text, subject: destination, ops: [{ op: "route.replace", netns, route }] }];
}

function repairRoute(netns: NetnsKey, route: RouteSpec, sight: Sight): Repair[] {
  if (sight.blocked(netns, route.link) || sight.hasRoute(netns, route)) return [];
  return [
    {
      text: `route ${route.destination} by ${route.via ?? route.link} is missing`,
      subject: route.destination,
      ops: [{ op: "route.replace", netns, route }],
    },
  ];
}
