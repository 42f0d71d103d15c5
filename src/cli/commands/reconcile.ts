import { EXIT } from "../exit-codes.ts";
import type { Call } from "../spec.ts";
import { formatTable } from "../text/table.ts";
import { printJson, printLine } from "../view/output.ts";

export async function runReconcile({ context, client, flags }: Call): Promise<number> {
  const dryRun = flags.has("dryRun");
  const report = await client.reconcile({ dryRun });
  if (flags.has("json")) printJson(context, report);
  else if (report.differences.length === 0) printLine(context, "everything is as it should be");
  else {
    const rows = report.differences.map(({ subject, text }) => [subject, text]);
    context.stdout.write(formatTable(["SUBJECT", dryRun ? "DIFFERS" : "REPAIRED"], rows));
  }
  return dryRun && report.differences.length > 0 ? EXIT.failure : EXIT.ok;
}
