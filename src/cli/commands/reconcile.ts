import { EXIT } from "../exit-codes.ts";
import type { Call } from "../spec.ts";
import { printJson, printLine } from "../view/output.ts";

export async function runReconcile({ context, client, flags }: Call): Promise<number> {
  const dryRun = flags.has("dryRun");
  const report = await client.reconcile({ dryRun });
  if (flags.has("json")) printJson(context, report);
  else if (report.differences.length === 0) printLine(context, "everything is as it should be");
  else
    for (const { text } of report.differences)
      printLine(context, `${dryRun ? "differs" : "repaired"}: ${text}`);
  return dryRun && report.differences.length > 0 ? EXIT.failure : EXIT.ok;
}
