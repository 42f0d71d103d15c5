import type { DesiredService } from "./desired.ts";
import type { ReplicaStep } from "./plan.ts";

/** One service on its way up. */
export class ServiceRun {
  readonly desired: DesiredService;
  readonly sandboxIds: string[] = [];
  readonly started: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly ready: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(desired: DesiredService) {
    this.desired = desired;
  }

  get label(): string {
    return `service ${this.desired.service.name}`;
  }
}

/** `ready`, `ready (3 sandboxes: 2 unchanged, 1 created)` */
export function summary(steps: readonly ReplicaStep[], run: ServiceRun): string {
  const words = {
    keep: "unchanged",
    create: "created",
    start: "started again",
    recreate: "replaced",
  } as const;
  const counts = Object.entries(words).flatMap(([kind, word]) => {
    const count = steps.filter((step) => step.kind === kind).length;
    return count === 0 ? [] : [[count, word] as const];
  });
  if (steps.length === 0) return "ready (no sandboxes)";
  if (steps.length === 1) return counts[0]?.[1] === "unchanged" ? "unchanged" : `ready (${counts[0]?.[1]})`;
  return `ready (${run.sandboxIds.length} sandboxes: ${counts.map(([count, word]) => `${count} ${word}`).join(", ")})`;
}
