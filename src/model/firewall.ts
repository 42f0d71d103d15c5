/**
 * The firewall as data: one table, whose maps hold what changes and whose rules never do. `plan/firewall` says what the
 * table is, `kernel/firewall` puts it into nf_tables messages.
 */

/** A verdict as a map holds it: a terminal word, or a jump to one of the table's chains. */
export type FirewallVerdict = "accept" | "drop" | `jump ${string}` | `goto ${string}`;

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
