import type { CliContext } from "../context.ts";

/** JSON for programs, laid out for people who look at it. */
export function printJson(context: CliContext, value: unknown): void {
  context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function printLine(context: CliContext, line: string): void {
  context.stdout.write(`${line}\n`);
}

export function warn(context: CliContext, text: string): void {
  context.stderr.write(`netdock: warning: ${text}\n`);
}
