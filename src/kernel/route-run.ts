import { cidrParts } from "../base/cidr.ts";
import { familyNumber } from "../base/ip.ts";
import { unreachable } from "../base/unreachable.ts";
import type { NetnsKey, Op } from "../model/ops.ts";
import { addAddress, deleteAddress } from "../wire/netlink/address.ts";
import { errnoName } from "../wire/netlink/errno.ts";
import { setLink, upFlag } from "../wire/netlink/link.ts";
import type { Request } from "../wire/netlink/message.ts";
import { addRoute, deleteRoute, replaceRoute } from "../wire/netlink/route.ts";
import { addressRequest, deleteRouteRequest, routeRequest } from "./address-requests.ts";
import { filterInfo, framesMeetFirewall, readBridgeFilter } from "./bridge-filter.ts";
import { linkIndex } from "./libc.ts";
import {
  createLinkRequest,
  finishLinkRequests,
  portInfo,
  raisePeerRequests,
  type VethPeer,
} from "./link-requests.ts";
import { previousRoute, previousSettings } from "./previous.ts";
import type { NetlinkSocket, Reply } from "./netlink-socket.ts";
import type { NetnsTable } from "./netns-table.ts";
import { noSuchLink, refusal } from "./refusal.ts";
import { linkKey, linksNeeded, type RouteOp } from "./route-plan.ts";

/** Errors that mean a removal has nothing left to do. */
const ALREADY_GONE: readonly string[] = ["ENODEV", "EADDRNOTAVAIL", "ESRCH", "ENOENT"];

/**
 * Carries out groups of rtnetlink steps for one plan. Each step done leaves its inverse with `undo`; on the first failure
 * the group's other successes are recorded too before the error is thrown.
 */
export class RouteRun {
  readonly #table: NetnsTable;
  readonly #undo: (inverse: Op) => void;
  /** Indexes of links met in this plan. */
  readonly #indexes = new Map<string, number>();
  /** Links to bring up with the next messages to their namespace. */
  readonly #toRaise = new Map<NetnsKey, VethPeer[]>();
  readonly #used = new Set<NetnsKey>();
  readonly #hasIpv6: boolean;

  /** `undo` is told the inverse of each step done; `hasIpv6`: of the kernel. */
  constructor(options: {
    readonly table: NetnsTable;
    readonly undo: (inverse: Op) => void;
    readonly hasIpv6: boolean;
  }) {
    this.#table = options.table;
    this.#undo = options.undo;
    this.#hasIpv6 = options.hasIpv6;
  }

  run(netns: NetnsKey, ops: readonly RouteOp[]): void {
    const socket = this.#socket(netns);
    const todo = this.#lookUp(socket, ops);
    const raise = this.#raiseRequests(netns);
    const settings = previousSettings(socket, todo);
    const replies = socket.transact([...raise.requests, ...todo.map((op) => this.#request(op))]);
    raise.check(replies);

    const failures: unknown[] = [];
    todo.forEach((op, i) => {
      try {
        this.#settle(socket, op, replies[raise.requests.length + i], settings.get(op));
      } catch (error) {
        failures.push(error);
      }
    });
    // The first is the cause; what failed after it mostly failed because of it.
    if (failures.length > 0) throw failures[0];
  }

  /** Brings up what no later step carried along. */
  finish(): void {
    for (const netns of [...this.#toRaise.keys()]) this.run(netns, []);
  }

  /** Closes the sockets that nobody needs between plans. */
  rest(): void {
    for (const netns of this.#used) this.#table.rest(netns);
  }

  #socket(netns: NetnsKey): NetlinkSocket {
    this.#used.add(netns);
    return this.#table.route(netns);
  }

  /** Finds indexes by name; drops removals whose link is gone. */
  #lookUp(socket: NetlinkSocket, ops: readonly RouteOp[]): RouteOp[] {
    return ops.filter((op) => {
      for (const link of linksNeeded(op)) {
        const key = linkKey(link);
        const index = this.#indexes.get(key) ?? linkIndex(socket.fd, link.name);
        if (index !== undefined) this.#indexes.set(key, index);
        else if (op.op === "address.delete" || op.op === "route.delete") return false;
        else throw noSuchLink(op.op, link.name);
      }
      return true;
    });
  }

  #index(netns: NetnsKey, name: string): number {
    const index = this.#indexes.get(linkKey({ netns, name }));
    if (index === undefined) throw noSuchLink("link.find", name);
    return index;
  }

  #request(op: RouteOp): Request {
    switch (op.op) {
      case "link.create":
        return this.#createRequest(op);
      case "link.set": {
        const { up, mtuBytes, master, alias, mac, filtered, hairpin } = op.set;
        return setLink({
          ...(up === undefined ? {} : upFlag(up)),
          name: op.name,
          mtu: mtuBytes,
          address: mac,
          alias,
          ...(filtered === undefined ? {} : { linkInfo: { info: filterInfo(filtered) } }),
          // A link that gets a new bridge has no port yet: see #setPort.
          ...(hairpin === undefined || master !== undefined
            ? {}
            : { linkInfo: { slave: { kind: "bridge" as const, data: { hairpin } } } }),
          master:
            typeof master === "string" ? this.#index(op.netns, master) : master === null ? 0 : undefined,
        });
      }
      case "address.add":
        return addAddress(addressRequest(op.address, this.#index(op.netns, op.address.link)));
      case "address.delete":
        return deleteAddress(addressRequest(op.address, this.#index(op.netns, op.address.link)));
      case "route.replace":
        // Exclusive first: nearly always there is none yet, and then there is nothing to look up for the undo.
        return addRoute(routeRequest(op.route, this.#index(op.netns, op.route.link)));
      case "route.delete":
        return deleteRoute(deleteRouteRequest(op.route, this.#index(op.netns, op.route.link)));
      default:
        return unreachable(op);
    }
  }

  #createRequest(op: Extract<RouteOp, { op: "link.create" }>): Request {
    const { netns, link } = op;
    const { kind } = link;
    const index = this.#takeIndex(netns, link.name);
    const isElsewhere = "parent" in kind;
    return createLinkRequest(link, {
      index,
      netnsFd: isElsewhere ? this.#table.fd(netns) : undefined,
      master: link.master === undefined ? undefined : this.#index(netns, link.master),
      parent: isElsewhere ? this.#index("host", kind.parent) : undefined,
      peer:
        kind.type === "veth"
          ? {
              index: this.#takeIndex(kind.peer.netns, kind.peer.name),
              netnsFd: this.#table.fd(kind.peer.netns),
            }
          : undefined,
    });
  }

  #takeIndex(netns: NetnsKey, name: string): number | undefined {
    const index = this.#table.takeIndex(netns);
    if (index === undefined) this.#indexes.delete(linkKey({ netns, name }));
    else this.#indexes.set(linkKey({ netns, name }), index);
    return index;
  }

  #settle(socket: NetlinkSocket, op: RouteOp, reply: Reply | undefined, before: Op | undefined): void {
    const errno = errnoOf(reply);
    switch (op.op) {
      case "link.create":
        this.#settleCreate(socket, op, reply);
        return;
      case "link.set":
        // What is gone is down.
        if (op.set.up === false && ALREADY_GONE.includes(errno)) return;
        fail(op, reply);
        if (before !== undefined) this.#undo(before);
        this.#setPort(socket, op);
        return;
      case "address.add":
        // The link has it already: nothing to do, and nothing to take back.
        if (errno === "EEXIST") return;
        fail(op, reply);
        this.#undo({ ...op, op: "address.delete" });
        return;
      case "address.delete":
        if (ALREADY_GONE.includes(errno)) return;
        fail(op, reply);
        this.#undo({ ...op, op: "address.add" });
        return;
      case "route.replace":
        if (errno === "EEXIST") this.#replaceRoute(socket, op);
        else {
          fail(op, reply);
          this.#undo({ ...op, op: "route.delete" });
        }
        return;
      case "route.delete":
        if (ALREADY_GONE.includes(errno)) return;
        fail(op, reply);
        this.#undo({ ...op, op: "route.replace" });
        return;
      default:
        unreachable(op);
    }
  }

  #settleCreate(
    socket: NetlinkSocket,
    op: Extract<RouteOp, { op: "link.create" }>,
    reply: Reply | undefined,
  ): void {
    const { netns, link } = op;
    const peer = link.kind.type === "veth" ? link.kind.peer : undefined;
    let result = reply;
    if (errnoOf(result) === "EBUSY") {
      // An index we chose is taken by a link somebody else made.
      this.#table.forgetIndexes(netns);
      if (peer !== undefined) this.#table.forgetIndexes(peer.netns);
      result = socket.transact([this.#createRequest(op)])[0];
    }
    fail(op, result);
    this.#undo({ op: "link.delete", netns, name: link.name });
    if (peer !== undefined) {
      const list = this.#toRaise.get(peer.netns) ?? [];
      this.#toRaise.set(peer.netns, [...list, peer]);
    }
    const isolate = link.isolated === true && !this.#framesMeetFirewall(netns, link.master);
    const finish = finishLinkRequests(link, { hasIpv6: this.#hasIpv6, isolate });
    for (const one of this.#socket(netns).transact(finish)) fail(op, one);
  }

  /** In a message of its own: the kernel looks for the port before it puts the link on its bridge (rtnl_newlink). */
  #setPort(socket: NetlinkSocket, op: Extract<RouteOp, { op: "link.set" }>): void {
    const { hairpin = false, isolated = false, master } = op.set;
    const isolate = isolated && !this.#framesMeetFirewall(op.netns, master ?? undefined);
    const slave = portInfo({ hairpin, isolate });
    if (slave !== undefined) fail(op, socket.transact([setLink({ name: op.name, linkInfo: { slave } })])[0]);
  }

  #framesMeetFirewall(netns: NetnsKey, bridge: string | undefined): boolean {
    if (bridge === undefined) return false;
    const settings = this.#table.enter(netns, readBridgeFilter);
    return framesMeetFirewall(this.#socket(netns), bridge, settings);
  }

  #replaceRoute(socket: NetlinkSocket, op: Extract<RouteOp, { op: "route.replace" }>): void {
    const { family } = cidrParts(op.route.destination);
    const previous = previousRoute(socket, op.route, familyNumber(family));
    const oif = this.#index(op.netns, op.route.link);
    fail(op, socket.transact([replaceRoute(routeRequest(op.route, oif))])[0]);
    this.#undo(previous === undefined ? { ...op, op: "route.delete" } : { ...op, route: previous });
  }

  /** A veth's other end is made down; it comes up with the first messages to its namespace. */
  #raiseRequests(netns: NetnsKey): { requests: Request[]; check: (replies: readonly Reply[]) => void } {
    const raised = (this.#toRaise.get(netns) ?? []).map((peer) => ({
      name: peer.name,
      requests: raisePeerRequests(peer, this.#hasIpv6),
    }));
    this.#toRaise.delete(netns);
    return {
      requests: raised.flatMap(({ requests }) => requests),
      check: (replies) => {
        const names = raised.flatMap(({ name, requests }) => requests.map(() => name));
        names.forEach((name, i) => {
          fail({ op: "link.set", netns, name, set: { up: true } }, replies[i]);
        });
      },
    };
  }
}

function errnoOf(reply: Reply | undefined): string {
  return reply?.ack === undefined || reply.ack.errno === 0 ? "" : errnoName(reply.ack.errno);
}

/** Throws what the kernel said, if it refused. */
function fail(op: RouteOp, reply: Reply | undefined): void {
  if (errnoOf(reply) !== "" && reply?.ack !== undefined) throw refusal(op, reply.ack);
}
