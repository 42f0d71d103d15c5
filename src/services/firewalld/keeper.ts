import type { ZoneKeeper } from "../../model/zones.ts";
import { Firewalld, type Kind } from "./bus.ts";
import { isAsWished, isOurs, POLICY, POLICY_SETTINGS, type Settings, ZONE, ZONE_SETTINGS } from "./wish.ts";

export interface ZoneKeeperOptions {
  /** Path of the system bus. */
  readonly socket: string;
}

/**
 * A zone and a policy in firewalld's configuration, since it knows no others, and links in the zone at run time: nothing is left
 * of those after a reboot, as of the links.
 */
export function createZoneKeeper(options: ZoneKeeperOptions): ZoneKeeper {
  return new FirewalldZone(options);
}

class FirewalldZone implements ZoneKeeper {
  readonly #socket: string;
  readonly #listeners = new Set<() => void>();
  #firewalld: Firewalld | undefined;
  #closed = false;
  /** One settling after another. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor({ socket }: ZoneKeeperOptions) {
    this.#socket = socket;
  }

  settle(links: readonly string[], options: { readonly dryRun: boolean }): Promise<string[]> {
    const settled = this.#busy.then(() => this.#settle(links, options));
    this.#busy = settled.catch(() => undefined);
    return settled;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    await this.#firewalld?.close();
  }

  async #settle(links: readonly string[], { dryRun }: { readonly dryRun: boolean }): Promise<string[]> {
    const firewalld = await this.#reach();
    if (firewalld === undefined) return [];
    return links.length === 0 ? remove(firewalld, dryRun) : keep(firewalld, links, dryRun);
  }

  /** Undefined where firewalld does not run. */
  async #reach(): Promise<Firewalld | undefined> {
    if (this.#closed) return undefined;
    if (this.#firewalld === undefined || this.#firewalld.isClosed) {
      this.#firewalld = await Firewalld.open(this.#socket, () => {
        for (const listener of this.#listeners) listener();
      });
    }
    const firewalld = this.#firewalld;
    return firewalld !== undefined && (await firewalld.isHere()) ? firewalld : undefined;
  }
}

async function keep(firewalld: Firewalld, links: readonly string[], dryRun: boolean): Promise<string[]> {
  const made = [
    await make(firewalld, { kind: "zone", name: ZONE, settings: ZONE_SETTINGS }, dryRun),
    await make(firewalld, { kind: "policy", name: POLICY, settings: POLICY_SETTINGS }, dryRun),
  ].flat();
  const known = (await firewalld.call(".zone", "getZones")) as readonly string[];
  const policies = (await firewalld.call(".policy", "getPolicies")) as readonly string[];
  // What is configured counts from the next reload on.
  const isLoaded = made.length === 0 && known.includes(ZONE) && policies.includes(POLICY);
  if (!isLoaded && !dryRun) await firewalld.call("", "reload");
  if (!isLoaded && dryRun) return made.length > 0 ? made : [`firewalld has not loaded zone ${ZONE}`];
  return [...made, ...(await fill(firewalld, links, dryRun))];
}

/** Gives what differed. */
async function make(
  firewalld: Firewalld,
  wish: { readonly kind: Kind; readonly name: string; readonly settings: Settings },
  dryRun: boolean,
): Promise<string[]> {
  const { kind, name, settings } = wish;
  const found = await firewalld.configured(kind, name);
  if (found !== undefined && (!isOurs(found) || isAsWished(found, settings))) return [];
  if (!dryRun) await firewalld[found === undefined ? "add" : "update"](kind, name, settings);
  return [`${kind} ${name} of firewalld is missing or not as netdock makes it`];
}

async function fill(firewalld: Firewalld, links: readonly string[], dryRun: boolean): Promise<string[]> {
  const inside = (await firewalld.call(".zone", "getInterfaces", ZONE)) as readonly string[];
  const differences: string[] = [];
  for (const link of links.filter((one) => !inside.includes(one))) {
    // Somebody who puts a link of ours into another zone knows why.
    // oxlint-disable-next-line no-await-in-loop -- firewalld does one thing at a time
    if ((await firewalld.call(".zone", "getZoneOfInterface", link)) !== "") continue;
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (!dryRun) await firewalld.call(".zone", "addInterface", ZONE, link);
    differences.push(`zone ${ZONE} of firewalld lacks ${link}`);
  }
  for (const link of inside.filter((one) => !links.includes(one))) {
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (!dryRun) await firewalld.call(".zone", "removeInterface", ZONE, link);
    differences.push(`zone ${ZONE} of firewalld has ${link}`);
  }
  return differences;
}

/** The policy first: it names the zone. */
async function remove(firewalld: Firewalld, dryRun: boolean): Promise<string[]> {
  const differences: string[] = [];
  for (const [kind, name] of [
    ["policy", POLICY],
    ["zone", ZONE],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- firewalld does one thing at a time
    const found = await firewalld.configured(kind, name);
    if (found === undefined || !isOurs(found)) continue;
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (!dryRun) await firewalld.remove(kind, name);
    differences.push(`${kind} ${name} of firewalld is left of netdock`);
  }
  if (differences.length > 0 && !dryRun) await firewalld.call("", "reload");
  return differences;
}
