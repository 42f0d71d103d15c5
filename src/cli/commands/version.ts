import { isNetError } from "../../base/errors.ts";
import type { Call } from "../spec.ts";
import { printJson, printLine } from "../view/output.ts";

/** A daemon that does not answer is worth a line, not an error: this command's own version is known. */
export async function runVersion({ context, client, flags }: Call): Promise<number> {
  const daemon = await client.version().catch((error: unknown) => {
    if (isNetError(error, "unavailable")) return undefined;
    throw error;
  });
  if (flags.has("json")) {
    printJson(context, { client: { version: context.version }, daemon: daemon ?? null });
    return 0;
  }
  printLine(context, `netdock ${context.version}`);
  if (daemon === undefined) printLine(context, "daemon: none answers");
  else
    printLine(
      context,
      `daemon ${daemon.version}, API ${daemon.apiVersion}, Node ${daemon.node}, Linux ${daemon.kernel} ${daemon.arch}`,
    );
  return 0;
}
