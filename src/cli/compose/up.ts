import { errorText, isNetError, NetError } from "../../base/errors.ts";
import { UndoStack } from "../../base/undo.ts";
import type { NetdockClient, SandboxView } from "../client.ts";
import type { CliContext } from "../context.ts";
import type { Progress } from "../view/progress.ts";
import { limiter } from "../work/limit.ts";
import { Deaths } from "./deaths.ts";
import type { Desired } from "./desired.ts";
import type { Place } from "./field.ts";
import type { ExistingSandbox, NetworkStep, ReplicaStep, UpPlan } from "./plan.ts";
import type { Dependency } from "./project.ts";
import { becomeReady } from "./ready.ts";
import { ServiceRun, summary } from "./service-run.ts";
import { removeGracefully } from "./stop.ts";

export interface UpRequest {
  readonly client: NetdockClient;
  readonly context: CliContext;
  readonly progress: Progress;
  readonly desired: Desired;
  readonly plan: UpPlan;
  readonly removeOrphans: boolean;
  /** How long to wait for a published port. */
  readonly timeoutMs: number;
  /** The user gave up. */
  readonly signal: AbortSignal;
}

/** Requests under way at a time: enough to keep the daemon busy, few enough to be fair to other clients. */
const CONCURRENCY = 16;

/**
 * Carries a plan out. Resolves with warnings when everything is ready; on a failure, removes what it made and throws it.
 * What it replaced stays replaced: a removed sandbox cannot be had back.
 */
export async function executeUp(request: UpRequest): Promise<readonly string[]> {
  await using deaths = await Deaths.open(request.client);
  const warnings: string[] = [];
  await using undo = new UndoStack((error) => warnings.push(`taking back: ${errorText(error)}`));
  await new Run(request, deaths, undo, warnings).all();
  undo.commit();
  return warnings;
}

class Run {
  readonly #request: UpRequest;
  readonly #deaths: Deaths;
  readonly #undo: UndoStack;
  readonly #warnings: string[];
  readonly #limited = limiter(CONCURRENCY);
  /** Stops all waiting at the first failure, and when the user gives up. */
  readonly #abort = new AbortController();
  readonly #services = new Map<string, ServiceRun>();

  constructor(request: UpRequest, deaths: Deaths, undo: UndoStack, warnings: string[]) {
    this.#request = request;
    this.#deaths = deaths;
    this.#undo = undo;
    this.#warnings = warnings;
  }

  async all(): Promise<void> {
    const { plan, removeOrphans, desired, signal } = this.#request;
    const giveUp = (): void =>
      this.#abort.abort(new NetError("cancelled", "compose.up", { message: "interrupted" }));
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await this.#removeFirst([...plan.surplus, ...(removeOrphans ? plan.orphans : []), ...this.#inTheWay()]);
      await this.#together(plan.networks.map((step) => () => this.#network(step)));
      for (const service of desired.services)
        this.#services.set(service.service.name, new ServiceRun(service));
      await this.#together([...this.#services.values()].map((run) => () => this.#service(run)));
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Runs all of it side by side. The first failure stops the rest, and is thrown when everything has come to a halt. */
  async #together(works: readonly (() => Promise<void>)[]): Promise<void> {
    const guarded = works.map((work) =>
      work().catch((error: unknown) => {
        this.#abort.abort(error);
      }),
    );
    await Promise.all(guarded);
    this.#abort.signal.throwIfAborted();
  }

  /** A network is made anew only when nobody is on it any more. */
  #inTheWay(): ExistingSandbox[] {
    const { networks, replicas } = this.#request.plan;
    if (networks.every(({ kind }) => kind !== "recreate")) return [];
    return replicas.flatMap((step) => (step.kind === "recreate" ? [step.existing] : []));
  }

  async #removeFirst(sandboxes: readonly ExistingSandbox[]): Promise<void> {
    const { client, progress } = this.#request;
    await this.#together(
      sandboxes.map((sandbox) => async () => {
        progress.update(`sandbox ${sandbox.name}`, "stopping");
        await this.#limited(() => removeGracefully(client, sandbox, undefined));
        progress.done(`sandbox ${sandbox.name}`, "removed");
      }),
    );
  }

  async #network({ kind, network }: NetworkStep): Promise<void> {
    const { client, progress } = this.#request;
    const label = `network ${network.name}`;
    if (kind === "keep") {
      progress.done(label, network.external ? "is there (external)" : "unchanged");
      return;
    }
    progress.update(label, kind === "create" ? "creating" : "replacing");
    if (kind === "recreate") await client.removeNetwork(network.name);
    const made = await this.#limited(() => client.createNetwork(network.request)).catch((error: unknown) => {
      throw placedError(error, network.place);
    });
    this.#undo.defer(() => client.removeNetwork(made.id));
    progress.done(label, kind === "create" ? "created" : "replaced");
  }

  async #service(run: ServiceRun): Promise<void> {
    const { plan, progress } = this.#request;
    const { service } = run.desired;
    const steps = plan.replicas.filter(({ replica }) => replica.service === service.name);
    try {
      if (service.dependsOn.length > 0) progress.update(run.label, "waiting");
      for (const dependency of service.dependsOn) {
        // All are needed, so the order of waiting does not matter.
        // oxlint-disable-next-line no-await-in-loop
        await this.#met(service.name, dependency);
      }
      this.#abort.signal.throwIfAborted();
      progress.update(run.label, "starting");
      const views = await Promise.all(steps.map((step) => this.#start(step)));
      run.started.resolve();
      progress.update(run.label, "started");
      await Promise.all(views.map((view) => this.#ready(run, view)));
      run.ready.resolve();
      progress.done(run.label, summary(steps, run));
    } catch (error) {
      progress.failed(run.label, this.#abort.signal.aborted ? "stopped" : "failed");
      // What waits for this service learns of the failure through this signal.
      this.#abort.abort(error);
      throw error;
    }
  }

  /** Waits until a dependency is as far as its condition says. */
  async #met(service: string, { service: name, condition }: Dependency): Promise<void> {
    const other = this.#services.get(name);
    if (other === undefined) return;
    if (condition === "service_started") await this.#orAbort(other.started.promise);
    else await this.#orAbort(other.ready.promise);
    if (condition !== "service_completed_successfully") return;
    for (const id of other.sandboxIds) {
      // oxlint-disable-next-line no-await-in-loop
      const code = await this.#orAbort(this.#deaths.died(id));
      if (code !== 0)
        throw serviceError(`${name} ended with ${code}, and ${service} waits for it to succeed`, name);
    }
  }

  async #orAbort<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#abort;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const reject = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener("abort", reject, { once: true });
    try {
      return await Promise.race([promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", reject);
    }
  }

  /** Undefined for a replica that runs already. */
  #start(step: ReplicaStep): Promise<SandboxView | undefined> {
    const { client } = this.#request;
    return this.#limited(async () => {
      // Whoever waited for a turn may have waited for nothing.
      this.#abort.signal.throwIfAborted();
      const { replica } = step;
      const run = this.#services.get(replica.service);
      if (step.kind === "keep") {
        run?.sandboxIds.push(step.existing.id);
        return undefined;
      }
      if (step.kind === "start") {
        this.#deaths.forget(step.existing.id);
        const view = await client.startProcess(step.existing.id, replica.request.process);
        this.#undo.defer(() => client.stopProcess(view.id, {}));
        run?.sandboxIds.push(view.id);
        return view;
      }
      if (step.kind === "recreate") await removeGracefully(client, step.existing, undefined);
      const view = await client.createSandbox(replica.request).catch((error: unknown) => {
        throw run === undefined ? error : placedError(error, run.desired.service.place);
      });
      this.#undo.defer(() => removeIfThere(client, view.id));
      run?.sandboxIds.push(view.id);
      return view;
    });
  }

  async #ready(run: ServiceRun, view: SandboxView | undefined): Promise<void> {
    if (view === undefined) return;
    const { client, context, timeoutMs } = this.#request;
    const readiness = await becomeReady({
      client,
      context,
      deaths: this.#deaths,
      view,
      healthcheck: run.desired.service.healthcheck,
      timeoutMs,
      signal: this.#abort.signal,
    });
    this.#abort.signal.throwIfAborted();
    if (readiness.kind === "ready") this.#warnings.push(...readiness.warnings);
    // A process that ended with 0 did what it had to do.
    else if (readiness.exitCode !== 0) throw await this.#diedError(view, readiness.exitCode);
  }

  async #diedError(view: SandboxView, exitCode: number): Promise<NetError> {
    const tail = await logTail(this.#request.client, view.id);
    const ending = Number.isNaN(exitCode) ? "ended" : `ended with exit code ${exitCode}`;
    const shown = tail === "" ? ", and printed nothing" : `; the end of its output:\n${tail}`;
    return serviceError(`${view.name} ${ending} right after its start${shown}`, view.name);
  }
}

const TAIL_LINES = 10;

async function logTail(client: NetdockClient, id: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of await client.logs(id, { follow: false, tail: TAIL_LINES })) {
      text += decoder.decode(piece, { stream: true });
    }
  } catch (error) {
    // The log is a help; the failure to be told is the service's.
    return `(no log: ${errorText(error)})`;
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `  ${line}`)
    .join("\n");
}

async function removeIfThere(client: NetdockClient, id: string): Promise<void> {
  await client.removeSandbox(id, { force: true }).catch((error: unknown) => {
    if (!isNetError(error, "not_found")) throw error;
  });
}

function serviceError(message: string, subject: string): NetError {
  return new NetError("unavailable", "service.start", { message, subject });
}

/** The daemon's refusal of something in the file, with its place in front: many things are made at once. */
function placedError(error: unknown, place: Place): unknown {
  if (!isNetError(error) || error.code === "unavailable" || error.code === "cancelled") return error;
  const message = `${place.file}:${place.line}: ${place.path}: ${error.message}`;
  return new NetError(error.code, error.op, { ...error.toJSON(), message, cause: error });
}
