import { EXIT } from "../exit-codes.ts";
import type { Call } from "../spec.ts";
import { printJson, printLine } from "../view/output.ts";

export async function runDoctor({ context, client, flags }: Call): Promise<number> {
  const report = await client.doctor();
  const { findings, flows } = report;
  if (flags.has("json")) printJson(context, report);
  else if (findings.length === 0) {
    printLine(context, `nothing found: all of ${flows} ways through the host's filters are open`);
  } else {
    for (const { severity, text, filter, affects, remedy } of findings) {
      printLine(context, `${severity}: ${text}`);
      if (filter?.rule !== undefined) printLine(context, `  rule:    ${filter.rule}`);
      affects.forEach((one, i) => {
        printLine(context, `  ${i === 0 ? "affects:" : "        "} ${one}`);
      });
      if (remedy !== undefined) printLine(context, `  allow:   ${remedy}`);
    }
  }
  return findings.some((finding) => finding.severity === "problem") ? EXIT.failure : EXIT.ok;
}
