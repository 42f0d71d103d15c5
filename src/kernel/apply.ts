import { existsSync } from "node:fs";
import { HOST_NETNS, type NetnsKey, type Op } from "../model/ops.ts";
import type { FirewallChange } from "../model/firewall.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { Announcer } from "./announcer.ts";
import { LinkDeleter } from "./link-deleter.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import type { NetnsTable } from "./netns-table.ts";
import { type Group, groupOps } from "./route-plan.ts";
import { RouteRun } from "./route-run.ts";
import { writeSysctl } from "./sysctl.ts";

/** The firewall steps a plan can hold, and what follows from them. */
export interface FirewallSteps {
  /** All changes as one transaction. */
  change(changes: readonly FirewallChange[]): void;
  /** Ends the tracked flows that the changes, made before, have made wrong. */
  endStaleFlows(changes: readonly FirewallChange[]): void;
  redirectResolver(netns: NetnsKey, port: number): void;
}

/** Carries out plans: all or nothing, as far as the kernel lets itself be taken back. */
export class Applier {
  readonly #table: NetnsTable;
  readonly #firewall: FirewallSteps;
  readonly #buffer: Uint8Array;
  readonly #deleters = new Map<NetnsKey, LinkDeleter>();
  readonly #announcer: Announcer;
  readonly #ending = new Set<Promise<void>>();
  /** Compiled in and not switched off at boot (`ipv6.disable=1`). */
  readonly #hasIpv6 = existsSync("/proc/sys/net/ipv6");

  constructor(options: {
    readonly table: NetnsTable;
    readonly firewall: FirewallSteps;
    readonly buffer: Uint8Array;
  }) {
    this.#table = options.table;
    this.#firewall = options.firewall;
    this.#buffer = options.buffer;
    this.#announcer = new Announcer(options.table);
  }

  /**
   * Nothing is awaited but deletions of links, so a plan without them runs in one go. On failure the steps done are taken
   * back, last first, and the error of the step that failed is thrown. A link that was deleted stays deleted.
   */
  async apply(ops: readonly Op[]): Promise<void> {
    const inverses: Op[] = [];
    const run = this.#run((inverse) => inverses.push(inverse));
    try {
      for (const group of groupOps(ops)) {
        const waits = this.#group(group, run, inverses);
        // Steps stand on each other: a plan's order is its meaning.
        // oxlint-disable-next-line no-await-in-loop
        if (waits !== undefined) await waits;
      }
      run.finish();
    } catch (error) {
      await this.#takeBack(inverses);
      throw error;
    } finally {
      run.rest();
    }
  }

  /** Forgets what is kept for a namespace that goes away. */
  forget(netns: NetnsKey): void {
    this.#announcer.forget(netns);
    const deleter = this.#deleters.get(netns);
    if (deleter === undefined) return;
    this.#deleters.delete(netns);
    deleter.close();
    const ending = deleter.settled().then(() => void this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Resolves when no deletion is under way, and no socket is being closed. */
  async settled(): Promise<void> {
    await Promise.all([
      this.#announcer.settled(),
      ...this.#ending,
      ...[...this.#deleters.values()].map((deleter) => deleter.settled()),
    ]);
  }

  close(): void {
    this.#announcer.close();
    for (const netns of this.#deleters.keys()) this.forget(netns);
  }

  #run(undo: (inverse: Op) => void): RouteRun {
    return new RouteRun({ table: this.#table, hasIpv6: this.#hasIpv6, undo });
  }

  #group(group: Group, run: RouteRun, inverses: Op[]): Promise<unknown> | undefined {
    switch (group.way) {
      case "route":
        run.run(group.netns, group.ops);
        return undefined;
      case "delete":
        return Promise.all(group.ops.map((op) => this.#deleter(op.netns).delete(op.name)));
      case "sysctl":
        this.#table.enter(group.netns, () => {
          for (const op of group.ops) {
            const before = writeSysctl(op.key, op.value, op.optional === true);
            if (before !== undefined && before !== op.value) inverses.push({ ...op, value: before });
          }
        });
        return undefined;
      case "announce":
        for (const op of group.ops) this.#announcer.start(op);
        return undefined;
      case "firewall":
        this.#firewall.change(group.ops.map((op) => op.change));
        for (const { change } of group.ops) {
          inverses.push({ op: "firewall.change", change: { add: change.remove, remove: change.add } });
        }
        this.#firewall.endStaleFlows(group.ops.map((op) => op.change));
        return undefined;
      default:
        for (const op of group.ops) this.#firewall.redirectResolver(op.netns, op.port);
        return undefined;
    }
  }

  /** Step by step, and on past failures: what cannot be taken back must not keep the rest. */
  async #takeBack(inverses: readonly Op[]): Promise<void> {
    const run = this.#run(() => undefined);
    for (const group of inverses.toReversed().flatMap((op) => groupOps([op]))) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- last first, one after the other
        await this.#group(group, run, []);
      } catch {
        // The first error is on its way to the caller, and the next reconcile finds what is left.
      }
    }
    run.rest();
  }

  #deleter(netns: NetnsKey): LinkDeleter {
    const known = this.#deleters.get(netns);
    if (known !== undefined) return known;
    const deleter = new LinkDeleter({
      open: () => this.#table.enter(netns, () => new NetlinkSocket(NETLINK.ROUTE, this.#buffer)),
      route: () => this.#table.route(netns),
      keep: netns === HOST_NETNS,
    });
    this.#deleters.set(netns, deleter);
    return deleter;
  }
}
