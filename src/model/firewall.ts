import type { Ip } from "../base/ip.ts";

/**
 * The firewall as data: one table, whose maps hold what changes and whose rules never do. `plan/firewall` says what the
 * table is, `kernel/firewall` puts it into nf_tables messages.
 */

/** A verdict as a map holds it: a terminal word, or a jump to one of the table's chains. */
export type FirewallVerdict = "accept" | "drop" | "return" | `jump ${string}` | `goto ${string}`;

/** One element of one map or set. Two elements are the same when map and key are. */
export interface FirewallElement {
  /** Name of the map or set in the table. */
  readonly map: string;
  /** One value for each field of the key's type: interface names, addresses, protocol names, ports. */
  readonly key: readonly (string | number)[];
  /** Upper end of an interval key, field by field; absent for a single key. */
  readonly keyEnd?: readonly (string | number)[] | undefined;
  /** What the key maps to; absent in sets. */
  readonly data?: readonly (string | number)[] | FirewallVerdict | undefined;
}

/** Elements that come and go in one transaction. Removing what is absent and adding what is there are both fine. */
export interface FirewallChange {
  readonly add: readonly FirewallElement[];
  readonly remove: readonly FirewallElement[];
}

/**
 * Something that is lost on its way, in one direction. Ports are host links by name: the outer ends of endpoints. It looks
 * like a broken cable to nobody: no carrier goes, no error comes back.
 */
export type Blockade =
  /** Whatever comes in by the port: what a sandbox sends, to the host too. */
  | { readonly kind: "in"; readonly port: string }
  /** Whatever goes out by the port: what a sandbox would receive. */
  | { readonly kind: "out"; readonly port: string }
  /** Frames from one port of a bridge to another. */
  | { readonly kind: "between"; readonly from: string; readonly to: string }
  /** Packets that the host routes from one address to another of the same family. */
  | { readonly kind: "routed"; readonly from: Ip; readonly to: Ip };

/** What is to pass another firewall at the place that it leaves to others. */
export interface Sanction {
  /** Links of ours. None: nothing of ours is put there. */
  readonly bridges: readonly string[];
  /** Links by which the outside is reached. */
  readonly uplinks: readonly string[];
}
