import type { Call } from "../spec.ts";
import { printJson, printLine } from "../view/output.ts";
import { forEachName } from "./each.ts";

export function runNetworkRm(call: Call): Promise<number> {
  return forEachName(call, {
    missingIsFine: call.flags.has("force"),
    act: (name) => call.client.removeNetwork(name),
  });
}

/** Without a question, unlike Docker's: a network without sandboxes holds nothing that could be lost. */
export async function runNetworkPrune({ context, client, flags }: Call): Promise<number> {
  const { removed } = await client.pruneNetworks();
  if (flags.has("json")) printJson(context, { removed });
  else for (const name of removed) printLine(context, name);
  return 0;
}
