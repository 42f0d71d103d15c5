import type { NetworkView } from "../../engine/contract.ts";
import {
  type Filters,
  flagFilter,
  invalidFilter,
  matchesExactly,
  matchesLabels,
  matching,
  parseFilters,
} from "./filters.ts";
import { parseMoment } from "./go-time.ts";
import { dockerDriver, dockerScope } from "./network-view.ts";

const LIST_KEYS = ["dangling", "driver", "id", "label", "name", "scope", "type"];
const PRUNE_KEYS = ["label", "label!", "until"];

/** `GET /networks?filters=`: what a network must be in every respect (moby, daemon/network/filter.go). */
export function filterNetworks(networks: readonly NetworkView[], text: string): NetworkView[] {
  const filters = parseFilters(text, LIST_KEYS);
  const types = typesOf(filters);
  const dangling = flagFilter(filters, "dangling");
  const names = matching(
    filters.get("name"),
    networks.map(({ name }) => name),
  );
  const ids = matching(
    filters.get("id"),
    networks.map(({ id }) => id),
  );
  return networks.filter(
    (network) =>
      names.has(network.name) &&
      ids.has(network.id) &&
      matchesExactly(filters.get("driver"), dockerDriver(network.driver)) &&
      matchesExactly(filters.get("scope"), dockerScope(network.scope)) &&
      matchesLabels(filters.get("label"), network.labels) &&
      (types === undefined || types.includes(network.predefined ? "builtin" : "custom")) &&
      (dangling === undefined || dangling === (!network.predefined && network.endpoints.length === 0)),
  );
}

function typesOf(filters: Filters): readonly string[] | undefined {
  const types = filters.get("type");
  const bad = types?.find((type) => !["builtin", "custom"].includes(type));
  if (bad !== undefined) throw invalidFilter(`invalid filter: 'type'='${bad}'`);
  return types === undefined || types.length === 0 ? undefined : types;
}

/** `POST /networks/prune?filters=`: which of the unused ones go. */
export function prunes(
  text: string,
  now: number,
): (network: Pick<NetworkView, "created" | "labels">) => boolean {
  const filters = parseFilters(text, PRUNE_KEYS);
  const until = filters.get("until");
  if (until !== undefined && until.length > 1) throw invalidFilter("more than one until filter specified");
  const before = until?.[0] === undefined ? undefined : parseMoment(until[0], now);
  const unlabelled = filters.get("label!");
  return ({ created, labels }) =>
    (before === undefined || Date.parse(created) <= before) &&
    matchesLabels(filters.get("label"), labels) &&
    (unlabelled === undefined || unlabelled.length === 0 || !matchesLabels(unlabelled, labels));
}
