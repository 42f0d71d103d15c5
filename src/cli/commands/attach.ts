import { resolve } from "node:path";
import type { SandboxRequest } from "../client.ts";
import { badFlag, type Flags } from "../flags.ts";
import { joinRequest } from "../join-flags.ts";
import type { Call } from "../spec.ts";
import { printJson, printLine } from "../view/output.ts";
import { sandboxRow } from "../view/sandbox.ts";

export async function runAttach({ context, client, flags }: Call): Promise<number> {
  const netns = netnsOf(flags, context.cwd);
  const view = await client.createSandbox({ ...(await joinRequest(context, flags)), netns });
  if (flags.has("json")) printJson(context, sandboxRow(view));
  else printLine(context, view.id);
  return 0;
}

function netnsOf(flags: Flags, cwd: string): NonNullable<SandboxRequest["netns"]> {
  const path = flags.text("netns");
  const pid = flags.integer("pid", 1, 4_194_304);
  if (path !== undefined && pid !== undefined)
    throw badFlag("--pid", String(pid), "give --netns or --pid, not both");
  if (path !== undefined) return { path: resolve(cwd, path) };
  if (pid !== undefined) return { pid };
  throw badFlag("--netns", "", "say which namespace: --netns PATH or --pid N");
}
