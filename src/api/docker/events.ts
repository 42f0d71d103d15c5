import { NetError } from "../../base/errors.ts";
import type { Engine } from "../../engine/contract.ts";
import { EVENT_BUFFER_BYTES } from "../events.ts";
import type { OpenStreams } from "../streams.ts";
import { type DockerEvent, eventView } from "./event-view.ts";
import { type Filters, matchesExactly, matchesLabels, parseFilters } from "./filters.ts";
import { parseMoment } from "./go-time.ts";
import { beginRaw, jsonText } from "./reply.ts";
import type { Call } from "./route.ts";

/** Docker's kinds of things that an event can be of, each a filter by id or name. */
const KINDS = [
  "container",
  "network",
  "image",
  "volume",
  "plugin",
  "daemon",
  "node",
  "service",
  "secret",
  "config",
];

/**
 * `GET /events`: what happened since `since` and what happens until `until`, a JSON object each. Without either only what
 * happens from now on; `until` in the past ends the stream at once (moby, router/system.getEvents and daemon/events).
 */
export function streamEvents(engine: Engine, streams: OpenStreams, { query, reply }: Call): undefined {
  const now = Date.now();
  const since = momentOf(query("since"), now);
  const until = momentOf(query("until"), now);
  if (since !== undefined && until !== undefined && until < since) {
    throw new NetError("invalid", "docker.events", {
      message: `\`since\` time (${query("since")}) cannot be after \`until\` time (${query("until")})`,
      field: "until",
      value: query("until"),
    });
  }
  const filters = parseFilters(query("filters"));
  beginRaw(reply, 200, { "Content-Type": "application/json" });
  const response = reply.raw;
  let past = since !== undefined || until !== undefined;
  const unsubscribe = engine.subscribe(
    (event) => {
      const ms = Date.parse(event.time);
      if (past && since !== undefined && ms < since) return;
      if (until !== undefined && ms > until) return;
      const view = eventView(event);
      if (view === undefined || !matches(view, filters) || response.writableEnded) return;
      response.write(jsonText(view));
      // Whoever does not read must not fill the daemon's memory; the connection's end tells it.
      if (!past && response.writableLength > EVENT_BUFFER_BYTES) response.destroy();
    },
    past ? 0 : undefined,
  );
  past = false;
  if (until !== undefined && until <= now) {
    unsubscribe();
    response.end();
    return undefined;
  }
  const timer = until === undefined ? undefined : setTimeout(() => response.end(), capped(until - now));
  streams.add(response, () => {
    clearTimeout(timer);
    unsubscribe();
  });
  return undefined;
}

/** setTimeout waits for 24 days at most, and would not wait at all for more. */
function capped(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1);
}

function momentOf(text: string, now: number): number | undefined {
  return text === "" ? undefined : parseMoment(text, now);
}

/** moby, daemon/events/filter.go. */
function matches({ Type, Action, Actor, scope }: DockerEvent, filters: Filters): boolean {
  const kinds = KINDS.every((kind) => {
    const wanted = filters.get(kind);
    if (wanted === undefined || wanted.length === 0) return true;
    const names = [Actor.ID, Actor.Attributes["name"] ?? ""];
    return kind === Type && wanted.some((one) => names.some((name) => name.startsWith(one)));
  });
  return (
    kinds &&
    matchesExactly(filters.get("event"), Action) &&
    matchesExactly(filters.get("type"), Type) &&
    matchesExactly(filters.get("scope"), scope) &&
    matchesLabels(filters.get("label"), Actor.Attributes)
  );
}
