import type { NetdockEvent } from "../../model/events.ts";
import { dockerDriver } from "./network-view.ts";

/** An event as `GET /events` sends it, its keys in Go's order (moby, api/types/events.Message). */
export interface DockerEvent {
  /** Of containers only: what clients of before API 1.22 read. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: "network" | "container";
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "local";
  /** Seconds since the epoch. */
  readonly time: number;
  readonly timeNano: number;
}

/** The image that every container of ours has: the host's own file system. */
export const HOST_IMAGE = "host";

const NETWORK_ACTIONS = ["create", "connect", "disconnect", "destroy", "prune"];
const SANDBOX_ACTIONS = ["create", "start", "die", "destroy"];

/** Undefined: Docker knows nothing of the kind. */
export function eventView(event: NetdockEvent): DockerEvent | undefined {
  const ms = Date.parse(event.time);
  // In milliseconds there are 13 digits that count, so the number is exact though it is large.
  const when = { scope: "local", time: Math.floor(ms / 1000), timeNano: ms * 1_000_000 } as const;
  if (event.type === "network" && NETWORK_ACTIONS.includes(event.action)) {
    const Actor = { ID: event.id, Attributes: networkAttributes(event) };
    return { Type: "network", Action: event.action, Actor, ...when };
  }
  if (!isOfContainer(event)) return undefined;
  const { name = "", pid: _, ...more } = event.attributes;
  const Attributes = { ...more, image: HOST_IMAGE, name };
  return {
    status: event.action,
    id: event.id,
    from: HOST_IMAGE,
    Type: "container",
    Action: event.action,
    Actor: { ID: event.id, Attributes },
    ...when,
  };
}

/** A sandbox is a container, unless it is a container's: that one has events of its own. */
function isOfContainer({ type, action, attributes }: NetdockEvent): boolean {
  if (type === "container") return true;
  return type === "sandbox" && attributes["container"] === undefined && SANDBOX_ACTIONS.includes(action);
}

function networkAttributes({ action, attributes }: NetdockEvent): Readonly<Record<string, string>> {
  if (action === "prune") return { reclaimed: attributes["reclaimed"] ?? "0" };
  const { name = "", driver = "", sandboxId } = attributes;
  return { ...(sandboxId === undefined ? {} : { container: sandboxId }), name, type: dockerDriver(driver) };
}
