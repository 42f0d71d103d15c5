import { errorText, NetError } from "../base/errors.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { ObservedNetns } from "../model/host.ts";
import { EMPTY_BLUEPRINT, HOST_NETNS, type Blueprint, type NetnsKey } from "../model/ops.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { diffElements } from "../plan/firewall/index.ts";
import { differsInside, NO_SWEEP, planRepairs, type Repair } from "../plan/repair.ts";
import type { Difference, ReconcileReport } from "./contract.ts";
import type { Core } from "./core.ts";
import { reportDifferences } from "./differences.ts";
import type { Endpoints } from "./endpoints.ts";
import { networkBlueprint } from "./network-rules.ts";
import type { Sanctioned } from "./sanctioned.ts";
import type { Takeover } from "./takeover.ts";
import { publishedOn, waysOf } from "./traffic.ts";
import type { Zones } from "./zones.ts";

/** Brings memory and kernel together: at start, when the kernel shows that someone else changed ours, and on request. */
export class Reconciler {
  readonly #core: Core;
  readonly #endpoints: Endpoints;
  readonly #takeover: Takeover;
  readonly #sanctioned: Sanctioned;
  readonly #zones: Zones;

  constructor(
    core: Core,
    parts: {
      readonly endpoints: Endpoints;
      readonly takeover: Takeover;
      readonly sanctioned: Sanctioned;
      readonly zones: Zones;
    },
  ) {
    this.#core = core;
    this.#endpoints = parts.endpoints;
    this.#takeover = parts.takeover;
    this.#sanctioned = parts.sanctioned;
    this.#zones = parts.zones;
  }

  async reconcile(request: { readonly dryRun: boolean }): Promise<ReconcileReport> {
    const report = await this.#core.gate.exclusive(() => this.#compare(request));
    const zones = await this.#zones.settle(request);
    return { ...report, differences: [...report.differences, ...zones] };
  }

  /**
   * Looks at one sandbox alone, beside whatever else is under way: something was taken away in it, perhaps by us. Mostly
   * nothing differs, and then its own namespace is all that was read.
   */
  mendSandbox(key: NetnsKey): Promise<void> {
    const { gate, lock, state } = this.#core;
    return gate.shared(() =>
      lock.run(`sandbox:${key}`, async () => {
        const sandbox = state.sandboxes.get(key as Sandbox["id"]);
        if (sandbox !== undefined) reportDifferences(this.#core, await this.#mendSandbox(sandbox), false);
      }),
    );
  }

  async #mendSandbox(sandbox: Sandbox): Promise<Difference[]> {
    const { host } = this.#core;
    const inside = host.observe(sandbox.id);
    const blueprint = this.#sandboxBlueprint(sandbox);
    const differences: Difference[] = [];
    if (differsInside(blueprint, sandbox.id, inside)) {
      const observed = new Map([
        [HOST_NETNS, host.observe(HOST_NETNS)],
        [sandbox.id as NetnsKey, inside],
      ]);
      const repairs = planRepairs([blueprint], observed, NO_SWEEP);
      // oxlint-disable-next-line no-await-in-loop -- one by one, as in a whole reconcile
      for (const repair of repairs) await this.#mend(repair);
      differences.push(...repairs.map(({ text, subject }) => ({ text, subject })));
    }
    return [...differences, ...(await this.#mendRedirect(sandbox, false))];
  }

  async #mendRedirect(sandbox: Sandbox, dryRun: boolean): Promise<Difference[]> {
    const { host } = this.#core;
    const { id, name, resolverPort: port } = sandbox;
    if (port === undefined || host.redirects(id, port)) return [];
    const text = `table ip netdock-dns of sandbox ${name} is missing or not as netdock makes it`;
    if (!dryRun) await this.#mend({ text, subject: id, ops: [{ op: "resolver.redirect", netns: id, port }] });
    return [{ text, subject: id }];
  }

  async #compare({ dryRun }: { readonly dryRun: boolean }): Promise<ReconcileReport> {
    const core = this.#core;
    await core.settled();
    core.forgetResolvConf();
    const { observed, lost } = this.#observe();
    const differences: Difference[] = lost.map(({ id, name }) => ({
      text: `the namespace of sandbox ${name} is gone`,
      subject: id,
    }));
    // Without a namespace there is no place for a sandbox's links; but what it is owed at the host stays.
    const away = new Set<Sandbox>(dryRun ? lost : await this.#reopen(lost, observed));
    const blueprints = this.#blueprints(away);
    const repairs = planRepairs(blueprints, observed, HOST_NETNS);
    differences.push(...repairs.map(({ text, subject }) => ({ text, subject })));
    if (!dryRun) {
      for (const repair of repairs) {
        // One by one: a step that fails must not keep the others from being mended.
        // oxlint-disable-next-line no-await-in-loop
        await this.#mend(repair);
      }
    }
    for (const sandbox of core.state.sandboxes.values()) {
      // oxlint-disable-next-line no-await-in-loop -- rare that there is something to wait for
      if (!away.has(sandbox)) differences.push(...(await this.#mendRedirect(sandbox, dryRun)));
    }
    differences.push(
      ...this.#reconcileFirewall(blueprints, dryRun),
      ...this.#sanctioned.compare(core.host.observe(HOST_NETNS), { dryRun }),
    );
    differences.push(...(await this.#sweepPins(dryRun)));
    reportDifferences(core, differences, dryRun);
    return { differences, repaired: !dryRun };
  }

  async #mend(repair: Repair): Promise<void> {
    if (repair.ops.length === 0) return;
    try {
      await this.#core.host.apply(repair.ops);
    } catch (error) {
      this.#core.log.error({ repair: repair.text, error: errorText(error) }, "could not repair");
    }
  }

  /** What should be, network by network, then sandbox by sandbox: links of a sandbox need their bridge. */
  #blueprints(away: ReadonlySet<Sandbox>): Blueprint[] {
    const core = this.#core;
    const { state } = core;
    const networks = [...state.networks.values()].map((n) => networkBlueprint(core, n));
    const sandboxes = [...state.sandboxes.values()].map((sandbox): Blueprint => {
      const blueprint = this.#sandboxBlueprint(sandbox);
      return away.has(sandbox) ? { ...EMPTY_BLUEPRINT, firewall: blueprint.firewall } : blueprint;
    });
    return [...networks, ...sandboxes];
  }

  #sandboxBlueprint(sandbox: Sandbox): Blueprint {
    const core = this.#core;
    const endpoints = core.state.endpointsOf(sandbox.id);
    const ways = waysOf(core, endpoints);
    const own = this.#endpoints.blueprint(sandbox, endpoints);
    const netns: NetnsKey = sandbox.id;
    const published = publishedOn(core, ways, { held: core.ports.of(sandbox.id), wishes: sandbox.ports });
    const firewall = [...own.firewall, ...published.elements];
    return { ...own, routes: [...own.routes, ...ways.routes.map((route) => ({ netns, route }))], firewall };
  }

  #observe(): { observed: Map<NetnsKey, ObservedNetns>; lost: Sandbox[] } {
    const core = this.#core;
    const observed = new Map([[HOST_NETNS, core.host.observe(HOST_NETNS)]]);
    const lost: Sandbox[] = [];
    for (const sandbox of core.state.sandboxes.values()) {
      if (sandbox.netns.kind === "host") continue;
      try {
        observed.set(sandbox.id, core.host.observe(sandbox.id));
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        core.log.warn({ sandbox: sandbox.name, error: error.message }, "cannot look into the namespace");
        lost.push(sandbox);
      }
    }
    return { observed, lost };
  }

  /** Namespaces that went away while the daemon ran come back bare, with a resolver of their own. Gives those that did not. */
  async #reopen(lost: readonly Sandbox[], observed: Map<NetnsKey, ObservedNetns>): Promise<Sandbox[]> {
    const core = this.#core;
    const away: Sandbox[] = [];
    for (const sandbox of lost) {
      core.host.deleteNetns(sandbox.id);
      // oxlint-disable-next-line no-await-in-loop -- rare, and never many
      if (await this.#takeover.openNetns(sandbox)) {
        observed.set(sandbox.id, core.host.observe(sandbox.id));
        // oxlint-disable-next-line no-await-in-loop -- as above
        await this.#takeover.startResolver(sandbox.id);
      } else away.push(sandbox);
    }
    return away;
  }

  #reconcileFirewall(blueprints: readonly Blueprint[], dryRun: boolean): Difference[] {
    const { host } = this.#core;
    const wanted: FirewallElement[] = blueprints.flatMap((b) => b.firewall);
    const found = host.observeFirewall();
    if (found !== undefined) {
      const { add, remove } = diffElements(found, wanted);
      if (add.length === 0 && remove.length === 0) return [];
      if (!dryRun) host.replaceFirewall(wanted);
      const text = `table inet netdock lacks ${add.length} elements and has ${remove.length} too many`;
      return [{ text, subject: "inet netdock" }];
    }
    if (!dryRun) host.replaceFirewall(wanted);
    return [{ text: "table inet netdock is missing or not as netdock makes it", subject: "inet netdock" }];
  }

  /** Namespaces and files that belong to no sandbox. */
  async #sweepPins(dryRun: boolean): Promise<Difference[]> {
    const core = this.#core;
    const known = core.state.sandboxes as ReadonlyMap<string, Sandbox>;
    const strays = core.host.listNetns().filter((key) => !known.has(key));
    if (!dryRun) {
      // oxlint-disable-next-line no-await-in-loop -- rare, and never many
      for (const key of strays) await this.#dropStray(key);
      for (const id of core.files.list()) if (!known.has(id)) core.files.remove(id);
    }
    return strays.map((key) => ({ text: `namespace ${key} belongs to nothing`, subject: key }));
  }

  /** It may be somebody else's, who keeps it: then nothing of ours stays in it. Its links went with their other ends. */
  async #dropStray(key: NetnsKey): Promise<void> {
    const { host, log } = this.#core;
    try {
      if (host.openNetns(key)) await host.apply([{ op: "resolver.redirect", netns: key, port: 0 }]);
    } catch (error) {
      log.warn({ netns: key, error: errorText(error) }, "could not take the resolver's redirect away");
    }
    host.deleteNetns(key);
  }
}
