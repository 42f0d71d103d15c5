import { errorText, isNetError } from "../../base/errors.ts";
import type { CliContext } from "../context.ts";

/** What a person sees of an error: the message, its remedy if the message does not say it, the kernel's words. */
export function errorLines(error: unknown, context: Pick<CliContext, "env">): string {
  if (!isNetError(error)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `netdock: internal error: ${context.env["NETDOCK_DEBUG"] === undefined ? errorText(error) : stack}\n`;
  }
  const [first, ...rest] = error.message.split("\n");
  // Indented lines are something quoted, like the end of a log.
  const lines = [
    `netdock: ${first ?? ""}`,
    ...rest.map((line) => (line.startsWith(" ") ? line : `netdock: ${line}`)),
  ];
  if (error.kernel !== undefined && !error.message.includes(error.kernel))
    lines.push(`  the kernel says: ${error.kernel}`);
  if (error.remedy !== undefined && !error.message.includes(error.remedy)) lines.push(`  ${error.remedy}`);
  return `${lines.join("\n")}\n`;
}
