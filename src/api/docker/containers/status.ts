import type { Subject } from "../../../engine/containers/contract.ts";

/** How long, roughly (docker/go-units, HumanDuration). */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** When what it runs was started, and how the last one ended. */
export function runOf({ state, container, sandbox, created }: Subject): {
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly exitCode: number;
  readonly pid: number;
  readonly error: string;
} {
  const status = sandbox?.status;
  if (state === "running") {
    // A stack without a command of ours lives since it was made.
    const startedAt = status?.startedAt ?? created;
    return {
      startedAt,
      finishedAt: container?.last?.finishedAt,
      exitCode: 0,
      pid: status?.pid ?? 0,
      error: "",
    };
  }
  const last = container?.last ?? status;
  const failure = container?.failure;
  return {
    startedAt: last?.startedAt,
    finishedAt: last?.finishedAt,
    exitCode: failure?.exitCode ?? last?.exitCode ?? (state === "exited" ? 255 : 0),
    pid: 0,
    error: failure?.message ?? container?.last?.error ?? "",
  };
}

/** `Up 3 seconds`, `Exited (0) 2 minutes ago`, `Created` (moby, daemon/container/state.go). */
export function statusText(subject: Subject, now: number): string {
  const run = runOf(subject);
  const since = (time: string | undefined): string =>
    humanDuration(now - Date.parse(time ?? subject.created));
  if (subject.state === "created") return "Created";
  if (subject.state === "running") return `Up ${since(run.startedAt)}`;
  return `Exited (${run.exitCode}) ${since(run.finishedAt)} ago`;
}
