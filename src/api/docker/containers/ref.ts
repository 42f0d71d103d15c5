import { NetError } from "../../../base/errors.ts";
import type { Call } from "../route.ts";

/** The container that a request's path names; a leading slash is part of what Docker shows as a name. */
export function refOf(call: Call): string {
  return cleanRef(call.param("ref"));
}

export function cleanRef(ref: string): string {
  const name = ref.startsWith("/") ? ref.slice(1) : ref;
  if (name !== "") return name;
  throw new NetError("invalid", "docker.container", {
    message: 'invalid name or ID supplied: ""',
    field: "container",
  });
}
