import { NetError } from "../../base/errors.ts";
import type { NetworkView, SandboxView } from "../client.ts";
import { executeDown } from "../compose/down.ts";
import { LABEL } from "../compose/labels.ts";
import { findComposeFile, projectNameOf } from "../compose/load.ts";
import { ownedBy } from "../compose/plan.ts";
import { answers } from "../daemon-help.ts";
import type { Call } from "../spec.ts";
import { printJson } from "../view/output.ts";
import { createProgress, type Progress } from "../view/progress.ts";

export async function runDown(call: Call): Promise<number> {
  const { context, client, flags, host } = call;
  const progress = createProgress(context, flags.has("json"));
  try {
    const wanted = await wantedProject(call);
    if (!(await answers(client))) {
      progress.say("nothing is up: no daemon answers");
      if (flags.has("json"))
        printJson(context, { project: wanted ?? null, sandboxes: [], networks: [], daemonStopped: false });
      return 0;
    }
    const removed = await removeProject(call, wanted, progress);
    const daemonStopped = await context.stopDaemonIfOurs(host);
    if (daemonStopped) progress.done("daemon", "stopped, since `netdock up` had started it");
    progress.end();
    if (flags.has("json")) printJson(context, { ...removed, daemonStopped });
    return 0;
  } finally {
    progress.end();
  }
}

async function removeProject(
  call: Call,
  wanted: string | undefined,
  progress: Progress,
): Promise<{ readonly project: string | null; readonly sandboxes: string[]; readonly networks: string[] }> {
  const { client, flags } = call;
  const [allSandboxes, allNetworks] = await Promise.all([client.sandboxes(), client.networks()]);
  const project = wanted ?? onlyProject(allSandboxes, allNetworks);
  const sandboxes = project === undefined ? [] : ownedBy(project, allSandboxes);
  const networks = project === undefined ? [] : ownedBy(project, allNetworks);
  if (sandboxes.length + networks.length === 0) {
    progress.say(project === undefined ? "nothing is up" : `nothing of the project ${project} is up`);
  }
  const timeoutSeconds = flags.integer("timeout", 0, 86_400);
  await executeDown({ client, progress, sandboxes, networks, timeoutSeconds });
  return {
    project: project ?? null,
    sandboxes: sandboxes.map(({ name }) => name),
    networks: networks.map(({ name }) => name),
  };
}

/** The project named, or the one of the file named, or of the file in this folder; undefined when nothing says which. */
async function wantedProject({ context, flags, args }: Call): Promise<string | undefined> {
  const named = flags.text("projectName");
  if (named !== undefined) return named;
  const file = args[0] ?? flags.text("file") ?? (await findComposeFile(context.cwd));
  return file === undefined ? undefined : projectNameOf({ file, cwd: context.cwd, env: context.env });
}

/** With nothing said, the only project there is; with several, the user has to say which. */
function onlyProject(
  sandboxes: readonly SandboxView[],
  networks: readonly NetworkView[],
): string | undefined {
  const labels = [...sandboxes, ...networks].map((thing) => thing.labels[LABEL.project]);
  const names = [...new Set(labels.filter((name) => name !== undefined))];
  if (names.length <= 1) return names[0];
  throw new NetError("invalid", "compose.down", {
    message: `several projects are up: ${names.toSorted().join(", ")}`,
    remedy: "say which: netdock down -p NAME",
  });
}
