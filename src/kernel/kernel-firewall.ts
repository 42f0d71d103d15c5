import type { Blockade, FirewallChange, FirewallElement, Sanction } from "../model/firewall.ts";
import { HOST_NETNS, type NetnsKey } from "../model/ops.ts";
import { DOCKER_USER, elementKey, sanctionedRules } from "../plan/firewall/index.ts";
import { errnoName } from "../wire/netlink/errno.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import {
  checkBatch,
  compileChange,
  compileFirstRedirect,
  compilePartition,
  compileRedirect,
  compileRemoval,
  compileSanction,
  compileTable,
  decodeElements,
  type FirewallBatch,
  hasRedirect,
  readSanctionedPlace,
  readTable,
  SANCTION_FAMILIES,
  sanctionIsThere,
  type TableDump,
  tableIsOurs,
} from "./firewall/index.ts";
import type { FirewallSteps } from "./apply.ts";
import { hasErrno } from "./errno.ts";
import { closeAsync } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import type { NetnsTable } from "./netns-table.ts";
import { endStaleFlows } from "./stale-flows.ts";
import { readRuleset, type Ruleset } from "./ruleset/read.ts";

/** Errors that mean "again": the ruleset changed while the transaction was prepared (nfnetlink_rcv_batch). */
const TRY_AGAIN: readonly string[] = ["EAGAIN", "ERESTART", "EINTR"];
const MAX_TRIES = 16;

/** The firewall's transactions, over sockets of NETLINK_NETFILTER. */
export class KernelFirewall implements FirewallSteps {
  readonly #table: NetnsTable;
  readonly #buffer: Uint8Array;
  /** Opened when first needed and kept: closing one after a delete waits 10–15 ms for the kernel's clean-up. */
  #socket: NetlinkSocket | undefined;
  /** Ends with the last of the sockets that were given up: one after another, since libuv's pool is small. */
  #closing: Promise<void> = Promise.resolve();
  /** The redirect sent last: sandboxes mostly have the same. */
  #redirect: { readonly port: number; readonly batch: FirewallBatch } | undefined;
  /** As we left them; at first an earlier process may have left some. */
  #blockades: readonly Blockade[] | undefined;

  constructor(table: NetnsTable, buffer: Uint8Array) {
    this.#table = table;
    this.#buffer = buffer;
  }

  /** Notifications with this number are of our own making. */
  get portId(): number | undefined {
    return this.#socket?.portId;
  }

  change(changes: readonly FirewallChange[]): void {
    const merged = mergeChanges(changes);
    transact(this.#host(), "firewall.change", (firstSeq) => compileChange(merged, firstSeq));
  }

  endStaleFlows(changes: readonly FirewallChange[]): void {
    this.#endStale(mergeChanges(changes));
  }

  /** Elements of our table; undefined when it is absent or not as we make it. */
  observe(): FirewallElement[] | undefined {
    const dump = this.#read();
    return dump === undefined || !tableIsOurs(dump) ? undefined : decodeElements(dump);
  }

  replace(elements: readonly FirewallElement[]): void {
    const observed = this.#read();
    transact(this.#host(), "firewall.replace", (firstSeq) => compileTable(elements, { observed, firstSeq }));
    // While the table was not as it should be, flows may have begun that know nothing of what is published.
    this.#endStale({ add: elements, remove: [] });
  }

  remove(): void {
    transact(this.#host(), "firewall.remove", compileRemoval);
  }

  /** Brings Docker's place for others in line, in both families; gives what differed, in words. */
  sanction(wish: Sanction, { dryRun }: { readonly dryRun: boolean }): string[] {
    const socket = this.#host();
    return SANCTION_FAMILIES.flatMap((family) => {
      const place = readSanctionedPlace((request, decode) => socket.dump(request, decode), family);
      const rules = sanctionedRules(wish, place.dockers);
      if (sanctionIsThere(place, rules)) return [];
      if (!dryRun) {
        transact(socket, "firewall.sanction", (firstSeq) => compileSanction(place, rules, firstSeq));
      }
      return [`chain ${DOCKER_USER} of table ${family} filter lacks netdock's rules, or has others`];
    });
  }

  /** Everybody's tables. */
  ruleset(): Ruleset {
    const socket = this.#host();
    return readRuleset((request, decode) => socket.dump(request, decode));
  }

  /** What is lost from now on, instead of what was. */
  block(blockades: readonly Blockade[]): void {
    const from = this.#blockades;
    // Until the kernel has said yes, nobody knows what is there.
    this.#blockades = undefined;
    try {
      this.#block({ from, to: blockades });
    } catch (error) {
      // Somebody took our tables away.
      if (from === undefined || !hasErrno(error, "ENOENT")) throw error;
      this.#block({ from: undefined, to: blockades });
    }
    this.#blockades = blockades;
  }

  redirectResolver(netns: NetnsKey, port: number): void {
    const socket = this.#table.enter(netns, () => new NetlinkSocket(NETLINK.NETFILTER, this.#buffer));
    if (port !== 0 && this.#redirectFirst(socket, port)) {
      // Nothing was deleted, so the kernel has nothing to clean up.
      socket.close();
      return;
    }
    try {
      transact(socket, "resolver.redirect", (firstSeq) => compileRedirect(port, firstSeq));
    } finally {
      // It may wait, and a sandbox's table is written once: off the thread, and no descriptor kept for each sandbox.
      this.#giveUp(socket);
    }
  }

  /** Whether a sandbox has the redirect to this port. */
  redirects(netns: NetnsKey, port: number): boolean {
    const socket = this.#table.enter(netns, () => new NetlinkSocket(NETLINK.NETFILTER, this.#buffer));
    try {
      return hasRedirect((request, decode) => socket.dump(request, decode), port);
    } finally {
      // Nothing was deleted by it, so the kernel has nothing to clean up.
      socket.close();
    }
  }

  /** False when there is a redirect already. */
  #redirectFirst(socket: NetlinkSocket, port: number): boolean {
    if (this.#redirect?.port !== port) this.#redirect = { port, batch: compileFirstRedirect(port, 1) };
    const { batch } = this.#redirect;
    try {
      transact(socket, "resolver.redirect", () => batch);
      return true;
    } catch (error) {
      if (hasErrno(error, "EEXIST")) return false;
      socket.close();
      throw error;
    }
  }

  /** Resolves when every socket that was given up is closed. */
  settled(): Promise<void> {
    return this.#closing;
  }

  close(): void {
    if (this.#socket === undefined) return;
    this.#giveUp(this.#socket);
    this.#socket = undefined;
  }

  #endStale(change: FirewallChange): void {
    endStaleFlows(change, { netfilter: () => this.#host(), route: () => this.#table.route(HOST_NETNS) });
  }

  #giveUp(socket: NetlinkSocket): void {
    this.#closing = this.#closing.then(() => closeAsync(socket.fd));
  }

  #block(change: Parameters<typeof compilePartition>[0]): void {
    transact(this.#host(), "partition.change", (firstSeq) => compilePartition(change, firstSeq));
  }

  #host(): NetlinkSocket {
    this.#socket ??= this.#table.enter(HOST_NETNS, () => new NetlinkSocket(NETLINK.NETFILTER, this.#buffer));
    return this.#socket;
  }

  #read(): TableDump | undefined {
    const socket = this.#host();
    return readTable((request, decode) => socket.dump(request, decode));
  }
}

/** Sends one transaction and throws the kernel's refusal. `compile` gives undefined when there is nothing to do. */
function transact(
  socket: NetlinkSocket,
  op: string,
  compile: (firstSeq: number) => FirewallBatch | undefined,
): void {
  for (let tries = 1; ; tries++) {
    const batch = compile(1);
    if (batch === undefined) return;
    const acks = socket.sendRaw(batch.bytes);
    const again = acks.some((ack) => TRY_AGAIN.includes(errnoName(ack.errno)));
    if (again && tries < MAX_TRIES) continue;
    checkBatch(batch, acks, op);
    return;
  }
}

/** Several changes as one: of what is said about an element, the last word counts. */
function mergeChanges(changes: readonly FirewallChange[]): FirewallChange {
  const [only] = changes;
  if (only !== undefined && changes.length === 1) return only;
  const add = new Map<string, FirewallElement>();
  const remove = new Map<string, FirewallElement>();
  for (const change of changes) {
    for (const element of change.remove) {
      const key = elementKey(element);
      // The kernel has, or has not, the data of before this plan: an element added by it goes without a trace.
      if (!add.delete(key)) remove.set(key, element);
    }
    for (const element of change.add) add.set(elementKey(element), element);
  }
  return { add: [...add.values()], remove: [...remove.values()] };
}
