import { isNetError } from "../../base/errors.ts";
import type { SandboxView } from "../client.ts";
import { desiredState } from "../compose/desired.ts";
import { LABEL } from "../compose/labels.ts";
import { type LoadedProject, loadProject } from "../compose/load.ts";
import { ownedBy, planUp, type UpPlan } from "../compose/plan.ts";
import type { Project } from "../compose/project.ts";
import { executeUp } from "../compose/up.ts";
import { answers, requireThisMachine } from "../daemon-help.ts";
import { baseEnvironment } from "../environment.ts";
import { EXIT } from "../exit-codes.ts";
import { badFlag, type Flags, parseInteger, splitPair } from "../flags.ts";
import type { Call } from "../spec.ts";
import { errorLines } from "../view/errors.ts";
import { printJson, warn } from "../view/output.ts";
import { createProgress, type Progress } from "../view/progress.ts";
import { inOrder, projectTable, serviceRow } from "../view/report.ts";

const DEFAULT_TIMEOUT_SECONDS = 60;

export async function runUp(call: Call): Promise<number> {
  const { context, flags, args } = call;
  requireThisMachine(call.host, "run it on its machine");
  const loaded = await loadProject({
    file: args[0] ?? flags.text("file"),
    cwd: context.cwd,
    env: context.env,
    projectName: flags.text("projectName"),
    profiles: flags.list("profile"),
    scale: scaleOf(flags),
    ignoreUnsupported: flags.has("ignoreUnsupported"),
  });
  for (const warning of loaded.warnings) warn(context, warning);
  const progress = createProgress(context, flags.has("json"));
  const abort = new AbortController();
  const release = context.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => abort.abort());
  try {
    const warnings = await bringUp(call, loaded, progress, abort.signal);
    progress.end();
    for (const warning of warnings) warn(context, warning);
    return await report(call, loaded.project);
  } catch (error) {
    progress.end();
    if (!isNetError(error) || error.op !== "service.start") throw error;
    // The file and the command line are fine, a service is not: neither 2 nor 5 would say so.
    context.stderr.write(errorLines(error, context));
    return EXIT.failure;
  } finally {
    release();
  }
}

/** Starts a daemon if none answers, and takes it away again when the project does not come up. */
async function bringUp(
  call: Call,
  loaded: LoadedProject,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { context, client, host } = call;
  const isAnswered = await answers(client);
  if (!isAnswered) {
    progress.update("daemon", "starting");
    const { pid } = await context.startDaemon(host);
    progress.done("daemon", `started, since none answered (pid ${pid})`);
  }
  try {
    return await carryOut(call, loaded, progress, signal);
  } catch (error) {
    if (!isAnswered && (await context.stopDaemonIfOurs(host))) progress.done("daemon", "stopped again");
    throw error;
  }
}

async function carryOut(
  { context, client, flags }: Call,
  loaded: LoadedProject,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const timeoutSeconds = flags.integer("timeout", 0, 86_400) ?? DEFAULT_TIMEOUT_SECONDS;
  const desired = desiredState(loaded, baseEnvironment(context, false));
  const [networks, sandboxes] = await Promise.all([client.networks(), client.sandboxes()]);
  const planned = planUp(desired, { networks, sandboxes });
  const plan = flags.has("forceRecreate") ? allAnew(planned) : planned;
  const removeOrphans = flags.has("removeOrphans");
  const warnings = await executeUp({
    client,
    context,
    progress,
    desired,
    plan,
    removeOrphans,
    timeoutMs: timeoutSeconds * 1000,
    signal,
  });
  if (removeOrphans || plan.orphans.length === 0) return warnings;
  const names = plan.orphans.map(({ name }) => name).join(", ");
  return [...warnings, `the file no longer has the services of ${names}: remove them with --remove-orphans`];
}

function allAnew(plan: UpPlan): UpPlan {
  const replicas = plan.replicas.map((step) =>
    step.kind === "create" ? step : { ...step, kind: "recreate" as const },
  );
  return { ...plan, replicas };
}

/** `--scale web=3`, several times. */
function scaleOf(flags: Flags): ReadonlyMap<string, number> {
  return new Map(
    flags.list("scale").map((item) => {
      const [service, number] = splitPair(item, "--scale");
      if (number === "") throw badFlag("--scale", item, "write service=number like web=3");
      return [service, parseInteger(number, `--scale ${service}`, 0, 10_000)];
    }),
  );
}

/**
 * Shows what is there now. A service that failed after it had counted as started is too late to take everything back for, and
 * not to be passed over in silence: the rest stays up, and the exit code is 1.
 */
async function report(
  { context, client, flags }: Call,
  { name: project, services }: Project,
): Promise<number> {
  const views = ownedBy(project, await client.sandboxes());
  const failed = views.filter(
    (view) =>
      (view.status?.exitCode ?? 0) !== 0 &&
      view.state === "exited" &&
      services.some(({ name }) => name === view.labels[LABEL.service]),
  );
  await print({ context, client, flags }, project, views);
  for (const { name, status } of failed) {
    context.stderr.write(
      `netdock: ${name} ended with exit code ${status?.exitCode}\n  see: netdock logs ${name}\n`,
    );
  }
  return failed.length === 0 ? EXIT.ok : EXIT.failure;
}

async function print(
  { context, client, flags }: Pick<Call, "context" | "client" | "flags">,
  project: string,
  views: readonly SandboxView[],
): Promise<void> {
  if (!flags.has("json")) {
    context.stdout.write(projectTable(project, views));
    return;
  }
  const networks = ownedBy(project, await client.networks()).map(({ id, name, driver, ipam }) => ({
    id,
    name,
    driver,
    subnets: ipam.pools.map(({ subnet }) => subnet),
  }));
  printJson(context, { project, networks, services: inOrder(views).map(serviceRow) });
}
