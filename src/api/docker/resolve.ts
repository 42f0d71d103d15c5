import { isNetError, NetError } from "../../base/errors.ts";
import type { Subject } from "../../engine/containers/contract.ts";
import type { Engine, NetworkView, SandboxView } from "../../engine/contract.ts";

/** By full id, exact name, then unique id prefix. Throws `not_found`, or `invalid` when a prefix is not unique. */
export function findNetwork(engine: Engine, ref: string): NetworkView {
  return engine.network(ref);
}

/** The same for `GET`, which says it the other way round (moby, router/network.getNetwork). */
export function inspectNetwork(engine: Engine, ref: string): NetworkView {
  try {
    return engine.network(ref);
  } catch (error) {
    const count = isNetError(error, "invalid")
      ? /\((\d+) matches found based on ID prefix\)$/.exec(error.message)
      : null;
    if (count === null) throw error;
    const message = `${count[1]} matches found based on ID prefix: network ${ref} is ambiguous`;
    throw new NetError("invalid", "network.inspect", { message, field: "network", value: ref });
  }
}

/** A container that can be started again; undefined when the name is not one's. */
export function recordedContainer(engine: Engine, ref: string): Subject | undefined {
  try {
    const subject = engine.containers.find(ref.startsWith("/") ? ref.slice(1) : ref);
    return subject.container === undefined ? undefined : subject;
  } catch (error) {
    if (isNetError(error, "not_found")) return undefined;
    throw error;
  }
}

/** A leading slash is part of what Docker shows as a name. */
export function findContainer(engine: Engine, ref: string): SandboxView {
  if (ref === "") {
    throw new NetError("invalid", "docker.container", {
      message: 'invalid name or ID supplied: ""',
      field: "container",
    });
  }
  return engine.sandbox(ref.startsWith("/") ? ref.slice(1) : ref);
}
