import type { ObservedLink, ObservedNetns } from "../model/host.ts";
import type { Blueprint, LinkSpec, NetnsKey, Op } from "../model/ops.ts";
import { addressesOf } from "./blueprint.ts";

/** A step that is missing in the kernel, with the words for a person. */
export interface Repair {
  readonly text: string;
  readonly subject: string;
  readonly ops: readonly Op[];
}

/** What the kernel holds, by namespace. Namespaces that were not looked at count as empty. */
export type ObservedMap = ReadonlyMap<NetnsKey, ObservedNetns>;

/** `netdock:` starts the ifalias of every link of ours; see LinkSpec.alias. */
export const ALIAS_PREFIX = "netdock:";

/**
 * Compares one blueprint with the kernel and gives the steps that close the gap, firewall aside (it is compared as a whole).
 * A link of the right name that is not ours is left alone and reported without steps.
 */
export function repairBlueprint(blueprint: Blueprint, observed: ObservedMap): Repair[] {
  const repairs: Repair[] = [];
  const remade = new Set<string>();
  for (const { netns, link, foreign } of blueprint.links) {
    const found = findLink(observed, netns, link.name);
    if (found === undefined) {
      if (foreign === true) {
        repairs.push({
          text: `link ${link.name} (not ours to make) is missing`,
          subject: link.name,
          ops: [],
        });
        continue;
      }
      repairs.push({
        text: `link ${link.name} is missing`,
        subject: link.name,
        ops: [{ op: "link.create", netns, link }],
      });
      remade.add(`${netns} ${link.name}`);
      if (link.kind.type === "veth") remade.add(`${link.kind.peer.netns} ${link.kind.peer.name}`);
      continue;
    }
    if (foreign !== true) repairs.push(...repairLink(netns, link, found, observed, remade));
  }
  for (const sysctl of blueprint.sysctls) {
    // Values under a link that was just made anew are the kernel's defaults; others are not read back: writing is as cheap.
    const fresh = [...remade].some((key) => {
      const [netns, name] = key.split(" ");
      return (
        netns === sysctl.netns && name !== undefined && sysctl.key.includes(`.${name.replaceAll(".", "/")}.`)
      );
    });
    if (fresh) {
      repairs.push({
        text: `sysctl ${sysctl.key} is at its default`,
        subject: sysctl.key,
        ops: [{ op: "sysctl.set", ...sysctlStep(sysctl) }],
      });
    }
  }
  for (const { netns, address } of addressesOf(blueprint)) {
    const found = remade.has(`${netns} ${address.link}`)
      ? undefined
      : findLink(observed, netns, address.link);
    if (found?.addresses.includes(address.address) === true) continue;
    repairs.push({
      text: `address ${address.address} is missing on ${address.link}`,
      subject: address.link,
      ops: [{ op: "address.add", netns, address }],
    });
  }
  for (const { netns, route } of blueprint.routes) {
    const routes = observed.get(netns)?.routes ?? [];
    const there =
      !remade.has(`${netns} ${route.link}`) &&
      routes.some(
        (r) =>
          r.destination === route.destination && r.link === route.link && (r.via ?? "") === (route.via ?? ""),
      );
    if (there) continue;
    repairs.push({
      text: `route ${route.destination} by ${route.via ?? route.link} is missing`,
      subject: route.destination,
      ops: [{ op: "route.replace", netns, route }],
    });
  }
  return repairs;
}

function sysctlStep(sysctl: Blueprint["sysctls"][number]): {
  netns: NetnsKey;
  key: string;
  value: string;
  optional?: boolean;
} {
  const { netns, key, value, optional } = sysctl;
  return { netns, key, value, ...(optional === true ? { optional } : {}) };
}

function repairLink(
  netns: NetnsKey,
  link: LinkSpec,
  found: ObservedLink,
  observed: ObservedMap,
  remade: Set<string>,
): Repair[] {
  const wantedAlias = link.alias ?? "";
  if (wantedAlias !== "" && found.alias !== wantedAlias) {
    return [{ text: `link ${link.name} exists and is not ours`, subject: link.name, ops: [] }];
  }
  // A veth whose other end is gone or lives elsewhere cannot be mended, only made anew.
  if (
    link.kind.type === "veth" &&
    findLink(observed, link.kind.peer.netns, link.kind.peer.name) === undefined
  ) {
    remade.add(`${netns} ${link.name}`);
    remade.add(`${link.kind.peer.netns} ${link.kind.peer.name}`);
    return [
      {
        text: `link ${link.kind.peer.name}, the other end of ${link.name}, is missing`,
        subject: link.name,
        ops: [
          { op: "link.delete", netns, name: link.name },
          { op: "link.create", netns, link },
        ],
      },
    ];
  }
  const set: { up?: boolean; mtuBytes?: number; master?: string } = {};
  const words: string[] = [];
  if (link.up && !found.up) {
    set.up = true;
    words.push("is down");
  }
  if (link.mtuBytes !== undefined && link.mtuBytes !== found.mtuBytes) {
    set.mtuBytes = link.mtuBytes;
    words.push(`has MTU ${found.mtuBytes} instead of ${link.mtuBytes}`);
  }
  if (link.master !== undefined && (link.master !== found.master || remade.has(`${netns} ${link.master}`))) {
    set.master = link.master;
    words.push(`is not a port of ${link.master}`);
  }
  if (words.length === 0) return [];
  return [
    {
      text: `link ${link.name} ${words.join(", ")}`,
      subject: link.name,
      ops: [{ op: "link.set", netns, name: link.name, set }],
    },
  ];
}

function findLink(observed: ObservedMap, netns: NetnsKey, name: string): ObservedLink | undefined {
  return observed.get(netns)?.links.find((l) => l.name === name);
}

/** Links of ours (by alias) in a namespace that no blueprint wants. */
export function sweepLinks(
  blueprints: readonly Blueprint[],
  netns: NetnsKey,
  observed: ObservedNetns,
): Repair[] {
  const wanted = new Set(
    blueprints.flatMap((b) => b.links.filter((l) => l.netns === netns).map((l) => l.link.alias ?? "")),
  );
  return observed.links
    .filter((link) => link.alias.startsWith(ALIAS_PREFIX) && !wanted.has(link.alias))
    .map((link) => ({
      text: `link ${link.name} (${link.alias}) belongs to nothing`,
      subject: link.name,
      ops: [{ op: "link.delete", netns, name: link.name }],
    }));
}
