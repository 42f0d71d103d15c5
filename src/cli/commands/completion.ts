import { complete } from "../complete.ts";
import { COMPLETION_SCRIPTS } from "../completion-scripts.ts";
import { badFlag } from "../flags.ts";
import type { Call } from "../spec.ts";
import { printLine } from "../view/output.ts";

export async function runCompletion({ context, args }: Call): Promise<number> {
  const shell = args[0] as string;
  const script = Object.hasOwn(COMPLETION_SCRIPTS, shell) ? COMPLETION_SCRIPTS[shell] : undefined;
  if (script === undefined) throw badFlag("SHELL", shell, "write bash, zsh or fish");
  context.stdout.write(script);
  return 0;
}

/** `netdock __complete -- WORD...`: one candidate a line. Never fails: a shell that completes shows no errors. */
export async function runComplete({ context, client, args }: Call): Promise<number> {
  const { words, more } = complete(args);
  const current = args.at(-1) ?? "";
  if (more === "file" || more === "directory") printLine(context, `:${more}`);
  for (const { word, text } of words) printLine(context, text === "" ? word : `${word}\t${text}`);
  if (more === "network" || more === "sandbox") {
    // No daemon, no names.
    const named = await (more === "network" ? client.networks() : client.sandboxes()).catch(() => []);
    for (const { name } of named) if (name.startsWith(current)) printLine(context, name);
  }
  return 0;
}
