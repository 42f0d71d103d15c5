import type { NetworkView } from "../client.ts";
import { badFlag, type Flags } from "../flags.ts";
import type { Call } from "../spec.ts";
import { didYouMean } from "../text/nearest.ts";
import { formatTable } from "../text/table.ts";
import { printJson, printLine } from "../view/output.ts";
import { shortId } from "../view/sandbox.ts";

export async function runNetworkLs({ context, client, flags }: Call): Promise<number> {
  const filters = parseFilters(flags.list("filter"), Object.keys(FILTERS));
  const all = await client.networks();
  const networks = all
    .filter((network) => matches(network, filters))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const shown = (id: string): string => (isWhole(flags) ? id : shortId(id));
  if (flags.has("json")) printJson(context, networks);
  else if (flags.has("quiet")) for (const network of networks) printLine(context, shown(network.id));
  else
    context.stdout.write(
      formatTable(
        HEADINGS,
        networks.map((network) => row(network, shown(network.id))),
      ),
    );
  return 0;
}

/** `--no-trunc`, which the parser reads as a switch `trunc` turned off. */
export function isWhole(flags: Flags): boolean {
  return flags.choice("trunc") === false;
}

const HEADINGS = ["NETWORK ID", "NAME", "DRIVER", "SCOPE", "SUBNETS", "SANDBOXES"];

function row(network: NetworkView, id: string): string[] {
  const subnets = network.ipam.pools.map(({ subnet }) => subnet);
  const name = network.internal ? `${network.name} (internal)` : network.name;
  return [id, name, network.driver, network.scope, subnets.join(", "), String(network.endpoints.length)];
}

/** Docker's: `driver` and `scope` as they are, `name` and `id` by a part, labels by key or key and value. */
const FILTERS: Readonly<Record<string, (network: NetworkView, value: string) => boolean>> = {
  driver: (network, value) => network.driver === value,
  scope: (network, value) => network.scope === value,
  name: (network, value) => network.name.includes(value),
  id: (network, value) => network.id.includes(value),
  label: (network, value) => hasLabel(network.labels, value),
  type: (network, value) => (value === "builtin") === network.predefined,
  dangling: (network, value) =>
    (value === "true" || value === "1") === (!network.predefined && network.endpoints.length === 0),
};

/** Filters of one key widen, of different keys narrow; labels always narrow. */
function matches(network: NetworkView, filters: ReadonlyMap<string, readonly string[]>): boolean {
  return [...filters].every(([key, values]) => {
    const test = (value: string): boolean => FILTERS[key]?.(network, value) === true;
    return key === "label" ? values.every(test) : values.some(test);
  });
}

export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  if (at < 0) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

/** `--filter key=value` by key; throws `invalid` on a key that is none of the known ones. */
export function parseFilters(
  filters: readonly string[],
  known: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const out = new Map<string, string[]>();
  for (const filter of filters) {
    const at = filter.indexOf("=");
    const key = filter.slice(0, at);
    if (at < 1) throw badFlag("--filter", filter, "write key=value like driver=bridge");
    if (!known.includes(key))
      throw badFlag("--filter", filter, `filters are ${known.join(", ")}${didYouMean(key, known)}`);
    out.set(key, [...(out.get(key) ?? []), filter.slice(at + 1)]);
  }
  return out;
}
