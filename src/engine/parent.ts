import { invalid } from "../base/errors.ts";
import type { Core } from "./core.ts";

/** Refuses a network whose links would stand on a link that the host does not have. */
export function refuseMissingParent(core: Core, name: string | undefined): void {
  if (name === undefined || core.host.link(name) !== undefined) return;
  throw invalid("options.parent", name, "the host has no such link; make it first", "network.create");
}
