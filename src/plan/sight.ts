import type { ObservedLink, ObservedNetns } from "../model/host.ts";
import type { NetnsKey, RouteSpec } from "../model/ops.ts";

/** `netdock:` starts the ifalias of every link of ours; see LinkSpec.alias. */
export const ALIAS_PREFIX = "netdock:";

/**
 * Names made of an id: `nd-` bridges and `ndv` veths. Rtnetlink takes an alias for existing links only, so a link of ours
 * stands without one for an instant, and a process can be killed in it.
 */
const NAME_OF_OURS = /^nd[-v][0-9a-f]{12}$/;

export function isOurs(link: Pick<ObservedLink, "name" | "alias">): boolean {
  return link.alias.startsWith(ALIAS_PREFIX) || (link.alias === "" && NAME_OF_OURS.test(link.name));
}

/**
 * The kernel as it was seen, less what the repairs planned so far take away: a link to be made anew is not there, and neither
 * is what was on it.
 */
export class Sight {
  readonly #links = new Map<string, ObservedLink>();
  readonly #routes = new Map<string, ReadonlySet<string>>();
  readonly #blocked = new Set<string>();
  readonly #gone = new Set<string>();

  constructor(observed: ReadonlyMap<NetnsKey, ObservedNetns>) {
    for (const [netns, { links, routes }] of observed) {
      for (const link of links) this.#links.set(placeOf(netns, link.name), link);
      this.#routes.set(netns, new Set(routes.map(routeText)));
    }
  }

  /** The link, without a master that goes away; undefined when it is missing or goes away itself. */
  link(netns: NetnsKey, name: string): ObservedLink | undefined {
    const found = this.#links.get(placeOf(netns, name));
    if (found?.master === undefined || !this.#gone.has(placeOf(netns, found.master))) return found;
    return { ...found, master: undefined };
  }

  hasRoute(netns: NetnsKey, route: RouteSpec): boolean {
    if (this.#gone.has(placeOf(netns, route.link))) return false;
    return this.#routes.get(netns)?.has(routeText(route)) === true;
  }

  /** The link goes away, or is made anew: from now on it is not there. */
  forget(netns: NetnsKey, name: string): void {
    this.#links.delete(placeOf(netns, name));
    this.#gone.add(placeOf(netns, name));
  }

  /** Nothing may be put on this link: it is somebody else's, or missing for good. */
  block(netns: NetnsKey, name: string): void {
    this.#blocked.add(placeOf(netns, name));
  }

  blocked(netns: NetnsKey, name: string): boolean {
    return this.#blocked.has(placeOf(netns, name));
  }
}

function placeOf(netns: NetnsKey, name: string): string {
  return `${netns} ${name}`;
}

function routeText(
  route: Pick<RouteSpec, "destination" | "via"> & { readonly link?: string | undefined },
): string {
  return `${route.destination} ${route.via ?? ""} ${route.link ?? ""}`;
}
