import { NetError } from "../../../base/errors.ts";
import type { Subject } from "../../../engine/containers/contract.ts";
import type { Engine } from "../../../engine/contract.ts";
import { type Filters, matching, matchesLabels, parseFilters } from "../filters.ts";
import { tryParseDuration } from "../go-time.ts";
import type { Call } from "../route.ts";
import { HOST_IMAGE } from "../event-view.ts";
import { isHostImage } from "./image.ts";
import { portRows } from "./network-settings.ts";
import { cleanRef } from "./ref.ts";
import { runOf } from "./status.ts";
import { labelsOf, listView } from "./view.ts";

/** moby, daemon/list.go: acceptedPsFilterTags. */
const KEYS = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
];
const STATES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

/** `GET /containers/json`: the newest first. */
export function listContainers(engine: Engine, { query, flag }: Call): readonly object[] {
  const filters = parseFilters(query("filters"), KEYS);
  const limit = Number(query("limit") || 0);
  const wantsAll =
    flag("all") || limit > 0 || ["status", "exited", "before", "since"].some((key) => filters.has(key));
  const all = engine.containers.list().toSorted((a, b) => Date.parse(b.created) - Date.parse(a.created));
  const found = select(engine, all, filters).filter(({ state }) => wantsAll || state === "running");
  const now = Date.now();
  return (limit > 0 ? found.slice(0, limit) : found).map((subject) => listView(subject, now));
}

function select(engine: Engine, all: readonly Subject[], filters: Filters): readonly Subject[] {
  const names = matching(
    filters.get("name")?.map((name) => name.replace(/^\//, "")),
    all.map(({ name }) => name),
  );
  const values = (key: string): readonly string[] => filters.get(key) ?? [];
  const any = (key: string, matches: (value: string) => boolean): boolean =>
    values(key).length === 0 || values(key).some(matches);
  for (const state of values("status")) {
    if (!STATES.includes(state))
      throw refuse(`invalid value for state (${state}): must be one of ${STATES.join(", ")}`);
  }
  for (const code of values("exited")) {
    if (!/^-?\d+$/.test(code)) throw refuse(`strconv.Atoi: parsing ${JSON.stringify(code)}: invalid syntax`);
  }
  const edge = (key: "before" | "since"): number | undefined => {
    const [ref] = values(key);
    return ref === undefined
      ? undefined
      : all.findIndex(({ id }) => id === engine.containers.find(cleanRef(ref)).id);
  };
  const [before, since] = [edge("before"), edge("since")];
  return all.filter((subject, i) => {
    const { id, name, state } = subject;
    const ports = portRows(subject);
    return (
      names.has(name) &&
      any("id", (value) => id.startsWith(value)) &&
      matchesLabels(values("label"), labelsOf(subject)) &&
      any("status", (value) => value === state) &&
      any("exited", (value) => state === "exited" && runOf(subject).exitCode === Number(value)) &&
      any("ancestor", (value) => value === HOST_IMAGE || isHostImage(value)) &&
      any("network", (value) => isOn(engine, subject, value)) &&
      any("publish", (value) =>
        ports.some((row) => row.hostPort !== undefined && portMatches(value, row.hostPort, row.protocol)),
      ) &&
      any("expose", (value) => ports.some((row) => portMatches(value, row.port, row.protocol))) &&
      any("health", (value) => value === "none") &&
      any("volume", () => false) &&
      any("is-task", (value) => ["false", "0"].includes(value)) &&
      (before === undefined || i > before) &&
      (since === undefined || i < since)
    );
  });
}

/** A network by name, id or the start of its id. */
function isOn(engine: Engine, { sandbox, container }: Subject, ref: string): boolean {
  if (sandbox !== undefined) {
    return sandbox.endpoints.some(
      ({ networkName, networkId }) => networkName === ref || networkId.startsWith(ref),
    );
  }
  const network = container?.spec.network;
  if (network?.kind !== "own") return false;
  return network.networks.some((wish) =>
    engine
      .networks()
      .some(({ id, name }) => [id, name].includes(wish.network) && (name === ref || id.startsWith(ref))),
  );
}

/** `80`, `8000-8010`, `53/udp`. */
function portMatches(text: string, port: number, protocol: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) throw refuse(`invalid port: ${text}`);
  const [, first, last = first, proto = "tcp"] = match;
  return protocol === proto && port >= Number(first) && port <= Number(last);
}

/** `POST /containers/prune`: those that do not run. */
export async function pruneContainers(engine: Engine, { query }: Call): Promise<object> {
  const filters = parseFilters(query("filters"), ["until", "label", "label!"]);
  const [until] = filters.get("until") ?? [];
  const limit = until === undefined ? Number.POSITIVE_INFINITY : momentBefore(until);
  const removed: string[] = [];
  for (const subject of engine.containers.list()) {
    const { id, state, created } = subject;
    if (state === "running" || Date.parse(created) > limit) continue;
    if (!matchesLabels(filters.get("label"), labelsOf(subject))) continue;
    const unwanted = filters.get("label!") ?? [];
    if (unwanted.some((one) => matchesLabels([one], labelsOf(subject)))) continue;
    // oxlint-disable-next-line no-await-in-loop -- nobody is in a hurry
    await engine.containers.remove(id, { force: false });
    removed.push(id);
  }
  return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: 0 };
}

function momentBefore(text: string): number {
  const duration = tryParseDuration(text);
  const moment = duration === undefined ? Date.parse(text) : Date.now() - duration;
  if (Number.isNaN(moment)) throw refuse(`failed to parse value as time or duration: "${text}"`);
  return moment;
}

function refuse(message: string): NetError {
  return new NetError("invalid", "container.list", { message, field: "filters" });
}
