import type { Cidr } from "../base/cidr.ts";
import { cidrParts } from "../base/cidr.ts";
import type { AddressSpec, Blueprint, FirewallElementRef, LinkSpec, Op, RouteSpec } from "../model/ops.ts";

export const DEFAULT_ROUTE_4 = "0.0.0.0/0" as Cidr;
export const DEFAULT_ROUTE_6 = "::/0" as Cidr;

/**
 * The steps that make a blueprint real on a clean slate. Order: links, then the sysctls that live under them, then
 * addresses (IPv6 ones need `disable_ipv6=0` first), routes, what is announced of them, and the firewall last, so that
 * nothing is reachable before it is whole. Neighbouring steps in one namespace travel in one message, so steps are kept grouped by namespace.
 */
export function createOps(blueprint: Blueprint): Op[] {
  const ops: Op[] = [];
  for (const { netns, link, foreign } of blueprint.links) {
    if (foreign !== true) ops.push({ op: "link.create", netns, link });
    else if (link.up) ops.push({ op: "link.set", netns, name: link.name, set: { up: true } });
  }
  for (const { netns, key, value, optional } of blueprint.sysctls) {
    ops.push({ op: "sysctl.set", netns, key, value, ...(optional === true ? { optional } : {}) });
  }
  for (const { netns, address } of addressesOf(blueprint)) ops.push({ op: "address.add", netns, address });
  for (const { netns, route } of blueprint.routes) ops.push({ op: "route.replace", netns, route });
  for (const one of blueprint.announcements ?? []) ops.push({ op: "address.announce", ...one });
  ops.push(...firewallOps(blueprint.firewall, []));
  return ops;
}

/**
 * The steps that remove what `createOps` made. Deleting a link takes its addresses, routes and (for a veth) its other end
 * with it; only what sits on foreign links needs steps of its own.
 */
export function removeOps(blueprint: Blueprint): Op[] {
  const ops: Op[] = [];
  for (const { netns, key, before } of blueprint.sysctls) {
    // Its link may be gone by now, and the key with it.
    if (before !== undefined) ops.push({ op: "sysctl.set", netns, key, value: before, optional: true });
  }
  ops.push(...firewallOps([], blueprint.firewall));
  for (const { netns, link, addresses, foreign, downAfter } of blueprint.links) {
    if (foreign === true) {
      for (const address of addresses) {
        ops.push({ op: "address.delete", netns, address: { link: link.name, address } });
      }
      if (downAfter === true) ops.push({ op: "link.set", netns, name: link.name, set: { up: false } });
    } else ops.push({ op: "link.delete", netns, name: link.name });
  }
  return ops;
}

/** Every address of a blueprint with its place. */
export function addressesOf(blueprint: Blueprint): { netns: string; address: AddressSpec }[] {
  const out: { netns: string; address: AddressSpec }[] = [];
  for (const { netns, link, addresses } of blueprint.links) {
    for (const address of addresses) out.push({ netns, address: { link: link.name, address } });
  }
  out.push(...blueprint.addresses);
  return out;
}

/** One transaction for the firewall elements of an operation; none when nothing changes. */
export function firewallOps(add: readonly FirewallElementRef[], remove: readonly FirewallElementRef[]): Op[] {
  return add.length === 0 && remove.length === 0 ? [] : [{ op: "firewall.change", change: { add, remove } }];
}

/** Two blueprints as one. */
export function mergeBlueprints(list: readonly Blueprint[]): Blueprint {
  return {
    links: list.flatMap((b) => b.links),
    addresses: list.flatMap((b) => b.addresses),
    routes: list.flatMap((b) => b.routes),
    sysctls: list.flatMap((b) => b.sysctls),
    firewall: list.flatMap((b) => b.firewall),
    announcements: list.flatMap((b) => b.announcements ?? []),
  };
}

export function defaultRoute(link: string, via: RouteSpec["via"], family: 4 | 6): RouteSpec {
  return { destination: family === 4 ? DEFAULT_ROUTE_4 : DEFAULT_ROUTE_6, via, link };
}

export function isDefaultRoute(destination: Cidr): boolean {
  return cidrParts(destination).length === 0;
}

/** The name under which a link appears in its own namespace, for every link a blueprint makes, peers included. */
export function linkNames(link: LinkSpec, netns: string): { netns: string; name: string }[] {
  const own = { netns, name: link.name };
  return link.kind.type === "veth"
    ? [own, { netns: link.kind.peer.netns, name: link.kind.peer.name }]
    : [own];
}
