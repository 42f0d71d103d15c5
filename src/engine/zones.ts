import { errorText } from "../base/errors.ts";
import type { Network } from "../model/network.ts";
import { isCovered, zoneLinks } from "../plan/firewall/index.ts";
import type { Difference } from "./contract.ts";
import type { Core } from "./core.ts";
import { reportDifferences } from "./differences.ts";
import { bridgesOf } from "./sanctioned.ts";

/**
 * Bridges of ours in the zone that firewalld has for them. It may take seconds to answer, so this runs beside the gate and no
 * operation waits for it; names that netdock makes up are covered by one entry, so that nearly always there is nothing to do.
 */
export class Zones {
  readonly #core: Core;
  readonly #stop: () => void;
  /** Ids of networks whose bridges have entries of their own. */
  readonly #named = new Set<Network["id"]>();
  #closed = false;

  constructor(core: Core) {
    this.#core = core;
    // Not among the work that a reconcile waits for: that one goes alone.
    const again = (): void => void this.settle({ dryRun: false });
    const stopWatch = core.zones?.watch(again);
    const unsubscribe = core.events.subscribe(({ type, action, id }) => {
      if (type !== "network" || core.zones === undefined) return;
      const network = core.state.networks.get(id as Network["id"]);
      if (action === "create" && network !== undefined && !bridgesOf(core, network).every(isCovered)) again();
      else if (action === "destroy" && this.#named.delete(id as Network["id"])) again();
    });
    this.#stop = () => {
      stopWatch?.();
      unsubscribe();
    };
  }

  async settle({ dryRun }: { readonly dryRun: boolean }): Promise<Difference[]> {
    const { state } = this.#core;
    const bridges = [...state.networks.values()].flatMap((network) => {
      const own = bridgesOf(this.#core, network);
      if (!own.every(isCovered)) this.#named.add(network.id);
      return own;
    });
    return this.#settle(bridges, dryRun);
  }

  /** Leaves nothing. */
  async withdraw(): Promise<void> {
    this.#stop();
    await this.#settle([], false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#core.zones?.close();
  }

  async #settle(bridges: readonly string[], dryRun: boolean): Promise<Difference[]> {
    const { zones, log } = this.#core;
    try {
      const texts = (await zones?.settle(zoneLinks(bridges), { dryRun })) ?? [];
      const differences = texts.map((text) => ({ text, subject: "firewalld" }));
      reportDifferences(this.#core, differences, dryRun);
      return differences;
    } catch (error) {
      if (!this.#closed) log.warn({ error: errorText(error) }, "could not bring firewalld's zone in line");
      return [];
    }
  }
}
