import { HOST_NETNS, type NetnsKey, type Op } from "../model/ops.ts";

/** Steps carried out by messages to a NETLINK_ROUTE socket. */
export type RouteOp = Extract<
  Op,
  {
    readonly op:
      | "link.create"
      | "link.set"
      | "address.add"
      | "address.delete"
      | "route.replace"
      | "route.delete";
  }
>;

/** Neighbouring steps that go the same way, and so travel together. */
export type Group =
  | { readonly way: "route"; readonly netns: NetnsKey; readonly ops: RouteOp[] }
  | { readonly way: "delete"; readonly ops: Extract<Op, { op: "link.delete" }>[] }
  | { readonly way: "sysctl"; readonly netns: NetnsKey; readonly ops: Extract<Op, { op: "sysctl.set" }>[] }
  | { readonly way: "announce"; readonly ops: Extract<Op, { op: "address.announce" }>[] }
  | { readonly way: "firewall"; readonly ops: Extract<Op, { op: "firewall.change" }>[] }
  | { readonly way: "resolver"; readonly ops: Extract<Op, { op: "resolver.redirect" }>[] };

/**
 * Cuts a plan into groups, in order. A step that names a link made by a step of the same group starts a new one: the link's
 * index is known only once it is there, and must not be guessed, or a failed creation would send the rest to some other
 * link.
 */
export function groupOps(ops: readonly Op[]): Group[] {
  const groups: Group[] = [];
  const made = new Set<string>();
  const add = (next: Group): void => {
    const last = groups.at(-1);
    const sameWay = last?.way === next.way;
    const sameNetns =
      !("netns" in next) || (last !== undefined && "netns" in last && last.netns === next.netns);
    const needsMade =
      next.way === "route" && next.ops.some((op) => linksNeeded(op).some((l) => made.has(linkKey(l))));
    if (sameWay && sameNetns && !needsMade) (last.ops as Op[]).push(...next.ops);
    else {
      groups.push(next);
      made.clear();
    }
    if (next.way === "route")
      for (const op of next.ops) for (const link of linksMade(op)) made.add(linkKey(link));
  };
  for (const op of ops) add(groupOf(op));
  return groups;
}

function groupOf(op: Op): Group {
  switch (op.op) {
    case "link.delete":
      return { way: "delete", ops: [op] };
    case "sysctl.set":
      return { way: "sysctl", netns: op.netns, ops: [op] };
    case "address.announce":
      return { way: "announce", ops: [op] };
    case "firewall.change":
      return { way: "firewall", ops: [op] };
    case "resolver.redirect":
      return { way: "resolver", ops: [op] };
    default:
      return { way: "route", netns: sentIn(op), ops: [op] };
  }
}

/** Namespace whose socket carries the message: for a macvlan or ipvlan its parent's, which is the host. */
function sentIn(op: RouteOp): NetnsKey {
  if (op.op !== "link.create") return op.netns;
  const { type } = op.link.kind;
  return type === "macvlan" || type === "ipvlan" ? HOST_NETNS : op.netns;
}

export interface LinkName {
  readonly netns: NetnsKey;
  readonly name: string;
}

export function linkKey(link: LinkName): string {
  return `${link.netns} ${link.name}`;
}

/** Links whose index the step's message holds. */
export function linksNeeded(op: RouteOp): LinkName[] {
  switch (op.op) {
    case "link.create": {
      const { kind, master } = op.link;
      const needed: LinkName[] = master === undefined ? [] : [{ netns: op.netns, name: master }];
      if ("parent" in kind) needed.push({ netns: HOST_NETNS, name: kind.parent });
      return needed;
    }
    case "link.set": {
      const { master } = op.set;
      return typeof master === "string" ? [{ netns: op.netns, name: master }] : [];
    }
    case "address.add":
    case "address.delete":
      return [{ netns: op.netns, name: op.address.link }];
    default:
      return [{ netns: op.netns, name: op.route.link }];
  }
}

function linksMade(op: RouteOp): LinkName[] {
  if (op.op !== "link.create") return [];
  const own = { netns: op.netns, name: op.link.name };
  const { kind } = op.link;
  return kind.type === "veth" ? [own, { netns: kind.peer.netns, name: kind.peer.name }] : [own];
}

/** Links of the host that a plan touches, bridges that get or lose a port included. */
export function hostLinks(ops: readonly Op[]): Set<string> {
  const found = new Set<string>();
  const add = (links: readonly LinkName[]): void => {
    for (const { netns, name } of links) if (netns === HOST_NETNS) found.add(name);
  };
  for (const op of ops) {
    switch (op.op) {
      case "link.create":
        add(linksMade(op));
        add(linksNeeded(op));
        break;
      case "link.set":
        add([op]);
        add(linksNeeded(op));
        break;
      case "link.delete":
        add([op]);
        break;
      case "address.add":
      case "address.delete":
        add(linksNeeded(op));
        break;
      default:
    }
  }
  return found;
}
