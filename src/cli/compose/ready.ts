import { setTimeout as pause } from "node:timers/promises";
import { NetError } from "../../base/errors.ts";
import type { NetdockClient, SandboxView } from "../client.ts";
import type { CliContext } from "../context.ts";
import { spawnRequest } from "../foreground.ts";
import { formatElapsed } from "../text/duration.ts";
import type { Deaths } from "./deaths.ts";
import { type Listener, readListeners } from "./listening.ts";
import type { Healthcheck } from "./project.ts";

/**
 * When is a service ready?
 *
 * - Its process runs: the daemon saw it start, and it did not end with a failure within `START_GRACE_MS`. A process that
 *   ends with 0 has done its work, and is ready too.
 * - On each published port (TCP or UDP; ranges are left out) a socket of the sandbox listens. That is read from the kernel's
 *   own table (`/proc/<pid>/net/tcp`): a probing connection would reach the service as a client, and a service that takes
 *   one client only would be spent.
 * - Its health check, if it has one, succeeded once.
 *
 * A port on which nobody listens in time is a warning: the service may have its reasons. A failed health check is an error.
 */
export interface ReadyRequest {
  readonly client: NetdockClient;
  readonly context: CliContext;
  readonly deaths: Deaths;
  readonly view: SandboxView;
  readonly healthcheck: Healthcheck | undefined;
  /** How long to wait for ports; 0: not at all, not even whether the process lives on. */
  readonly timeoutMs: number;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** How long a process must live to count as started: most that fail do so while they load. */
const START_GRACE_MS = 300;

/** What waiting came to: warnings to show, or the exit code of a process that ended. */
export type Readiness =
  | { readonly kind: "ready"; readonly warnings: readonly string[] }
  | { readonly kind: "ended"; readonly exitCode: number };

export async function becomeReady(request: ReadyRequest): Promise<Readiness> {
  const abort = new AbortController();
  const signal = AbortSignal.any([abort.signal, request.signal]);
  const ended = request.deaths
    .died(request.view.id)
    .then((exitCode): Readiness => ({ kind: "ended", exitCode }));
  try {
    return await Promise.race([ended, allReady({ ...request, signal })]);
  } finally {
    abort.abort();
  }
}

async function allReady(request: ReadyRequest): Promise<Readiness> {
  try {
    const [warnings] = await Promise.all([
      portsListen(request),
      healthy(request),
      pause(Math.min(START_GRACE_MS, request.timeoutMs), undefined, { signal: request.signal }),
    ]);
    return { kind: "ready", warnings };
  } catch (error) {
    if (!request.signal.aborted) throw error;
    return { kind: "ready", warnings: [] };
  }
}

const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 250;

/** Looks at the listeners, at longer and longer intervals: the kernel tells nobody when a socket begins to listen. */
async function portsListen({ view, context, timeoutMs, signal }: ReadyRequest): Promise<string[]> {
  const pid = view.status?.pid;
  const wanted = view.ports.filter(({ count, protocol }) => count === 1 && protocol !== "sctp");
  if (pid === undefined || wanted.length === 0) return [];
  const deadline = context.now() + timeoutMs;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 1.5, LONGEST_LOOK_MS)) {
    // Each look needs the one before it.
    // oxlint-disable-next-line no-await-in-loop
    const listeners = await readListeners(pid);
    const open = wanted.filter((port) => !heard(listeners, port.protocol, port.containerPort).reachable);
    const isWaiting = open.some((port) => !heard(listeners, port.protocol, port.containerPort).loopback);
    const isLate = context.now() >= deadline;
    if (!isWaiting || isLate) return open.map((port) => portWarning(view, port, listeners, timeoutMs));
    // oxlint-disable-next-line no-await-in-loop
    await pause(wait, undefined, { signal });
  }
}

function heard(
  listeners: readonly Listener[],
  protocol: string,
  port: number,
): { readonly reachable: boolean; readonly loopback: boolean } {
  const there = listeners.filter((listener) => listener.protocol === protocol && listener.port === port);
  return { reachable: there.some(({ isLoopback }) => !isLoopback), loopback: there.length > 0 };
}

function portWarning(
  view: SandboxView,
  port: { readonly protocol: string; readonly containerPort: number },
  listeners: readonly Listener[],
  timeoutMs: number,
): string {
  const name = `${port.containerPort}/${port.protocol}`;
  return heard(listeners, port.protocol, port.containerPort).loopback
    ? `${view.name} listens on port ${name} of 127.0.0.1 only, where a published port does not reach it: let it listen on 0.0.0.0`
    : `${view.name} publishes port ${name}, and after ${formatElapsed(timeoutMs)} nothing listens there`;
}

const FIRST_CHECK_MS = 50;
const LONGEST_CHECK_MS = 1000;

/**
 * Runs the health check until it succeeds once. Docker would wait a whole interval before the first try and between tries;
 * here tries come sooner, and the time allowed is Docker's: the start period and `retries` intervals after it.
 */
async function healthy(request: ReadyRequest): Promise<void> {
  const { healthcheck: check, context, view, signal } = request;
  if (check === undefined) return;
  const allowedMs = check.startPeriodMs + check.retries * check.intervalMs;
  const deadline = context.now() + allowedMs;
  for (let wait = FIRST_CHECK_MS; ; wait = Math.min(wait * 2, LONGEST_CHECK_MS, check.intervalMs)) {
    // One check at a time, as Docker does.
    // oxlint-disable-next-line no-await-in-loop
    const exitCode = await runCheck(request, check);
    if (exitCode === 0) return;
    if (context.now() >= deadline) {
      throw new NetError("unavailable", "service.start", {
        message: `${view.name} is not healthy after ${formatElapsed(allowedMs)}: its health check ends with ${exitCode}`,
        subject: view.name,
      });
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(wait, undefined, { signal });
  }
}

async function runCheck({ client, context, view }: ReadyRequest, check: Healthcheck): Promise<number> {
  const spec = { ...(view.process ?? { env: [] }), command: check.command };
  const files = await client.sandboxFiles(view.id);
  const { pid, exited } = await context.spawnInSandbox(
    spawnRequest(view, spec, files, { kind: "log", path: "/dev/null" }),
  );
  const timer = setTimeout(() => context.kill(pid, "SIGKILL"), check.timeoutMs);
  try {
    return await exited;
  } finally {
    clearTimeout(timer);
  }
}
