import type { Call } from "../spec.ts";
import { forEachName } from "./each.ts";

export function runRm(call: Call): Promise<number> {
  const force = call.flags.has("force");
  return forEachName(call, {
    missingIsFine: force,
    act: (name) => call.client.removeSandbox(name, { force }),
  });
}
