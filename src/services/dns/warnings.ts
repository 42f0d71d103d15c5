import type { Clock } from "../../base/clock.ts";

/** Where lines for the operator go. */
export interface ResolverLog {
  warn(facts: object, message: string): void;
}

/** One matter (`what`: "limit", "upstream", …) speaks at most so often: clients decide how often things go wrong. */
const QUIET_MS = 2000;

/** Warnings in which each matter is heard once in a while, with the number of its lines that were left out. */
export function createWarnings(clock: Clock, log: ResolverLog): (what: string, message: string) => void {
  const matters = new Map<string, { last: number; leftOut: number }>();
  return (what, message) => {
    const now = clock.now();
    const matter = matters.get(what);
    // A clock set back must not silence a matter for hours.
    if (matter !== undefined && now - matter.last < QUIET_MS && now >= matter.last) {
      matter.leftOut++;
      return;
    }
    log.warn({ part: "dns", what, leftOut: matter?.leftOut ?? 0 }, message);
    matters.set(what, { last: now, leftOut: 0 });
  };
}
