import type { ObservedNetns } from "../model/host.ts";
import type { Network } from "../model/network.ts";
import { HOST_NETNS } from "../model/ops.ts";
import { isCovered } from "../plan/firewall/index.ts";
import { isOurs } from "../plan/sight.ts";
import type { Difference } from "./contract.ts";
import type { Core } from "./core.ts";

/** Traffic of ours at the place that another firewall leaves to others; see `Host.sanction`. */
export class Sanctioned {
  readonly #core: Core;
  #uplinks: readonly string[] = [];
  /** Ids of networks whose bridges have rules of their own. */
  readonly #named = new Set<string>();

  constructor(core: Core) {
    this.#core = core;
    core.events.subscribe(({ type, action, id }) => {
      if (type !== "network") return;
      if (action === "create") this.#came(id);
      else if (action === "destroy" && this.#named.delete(id)) this.#set(false);
    });
  }

  /** Part of a reconcile: looks at uplinks and rules anew. */
  compare(host: ObservedNetns, { dryRun }: { readonly dryRun: boolean }): Difference[] {
    this.#uplinks = uplinksOf(host);
    return this.#set(dryRun);
  }

  /** Names that netdock makes up are covered by one rule, so nearly always there is nothing to do. */
  #came(id: string): void {
    const network = this.#core.state.networks.get(id as Network["id"]);
    if (network === undefined || bridgesOf(this.#core, network).every(isCovered)) return;
    this.#named.add(id);
    this.#set(false);
  }

  #set(dryRun: boolean): Difference[] {
    const { host, state } = this.#core;
    const bridges = [...state.networks.values()].flatMap((network) => {
      const own = bridgesOf(this.#core, network);
      if (!own.every(isCovered)) this.#named.add(network.id);
      return own;
    });
    return host
      .sanction({ bridges, uplinks: this.#uplinks }, { dryRun })
      .map((text) => ({ text, subject: "DOCKER-USER" }));
  }
}

/** Names of a network's bridges on the host. */
export function bridgesOf(core: Core, network: Network): string[] {
  return core
    .driverOf(network)
    .network(network)
    .links.filter(({ netns, link }) => netns === HOST_NETNS && link.kind.type === "bridge")
    .map(({ link }) => link.name);
}

/** What leads outside: not bridges of others, behind which may be their containers, unless a default route leads there. */
function uplinksOf(host: ObservedNetns): string[] {
  const routed = new Set(host.routes.filter((r) => r.destination.endsWith("/0")).map((r) => r.link));
  return host.links
    .filter(({ name, master, kind }) => routed.has(name) || (master === undefined && kind !== "bridge"))
    .filter((link) => link.up && link.name !== "lo" && !isOurs(link))
    .map(({ name }) => name);
}
