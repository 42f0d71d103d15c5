import { NetError } from "../../base/errors.ts";
import type { Container } from "../../model/container.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { Sandbox } from "../../model/sandbox.ts";
import type { Core } from "../core.ts";

/** As in Docker, for a command whose end nobody saw. */
export const UNKNOWN_EXIT = 255;
const KILLED = 137;

/**
 * The container of a sandbox whose command has ended, or that is removed while it runs, with that run written down. Undefined
 * where there is none, or the run stands there already.
 */
export function containerAfter(core: Core, sandbox: Sandbox): Container | undefined {
  const { state, status } = sandbox;
  const container = core.state.containers.get(sandbox.id);
  if (container === undefined || status === undefined) return undefined;
  const { startedAt, finishedAt, exitCode } = status;
  if (container.last?.startedAt === startedAt) return undefined;
  if (state === "running") {
    // Removed over its head.
    if (finishedAt !== undefined) return undefined;
    const now = new Date(core.clock.now()).toISOString();
    return { ...container, last: { startedAt, finishedAt: now, exitCode: KILLED } };
  }
  const unknown = "how it ended is not known: no daemon ran then";
  return {
    ...container,
    last: {
      startedAt,
      finishedAt: finishedAt ?? startedAt,
      ...(exitCode === undefined ? { exitCode: UNKNOWN_EXIT, error: unknown } : { exitCode }),
    },
  };
}

/** What events of a sandbox say of the container that it is of; nothing where it is of none. */
export function whose({ state }: Core, id: SandboxId): { container?: string } {
  return state.containers.has(id) ? { container: id } : {};
}

/** As a shell has it: 127 not found, 126 not executable, else Docker's 128. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof NetError) || error.field !== "command") return 128;
  return error.errno === "ENOENT" ? 127 : 126;
}
