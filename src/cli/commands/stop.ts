import { parseSignal } from "../signals.ts";
import type { Call } from "../spec.ts";
import { forEachName } from "./each.ts";

export function runStop(call: Call): Promise<number> {
  const timeoutSeconds = call.flags.integer("timeout", 0, 86_400);
  const signalText = call.flags.text("signal");
  const signal = signalText === undefined ? undefined : parseSignal(signalText, "--signal");
  return forEachName(call, {
    missingIsFine: false,
    act: (name) => call.client.stopProcess(name, { timeoutSeconds, signal }),
  });
}
