import type { Clock } from "../../base/clock.ts";

/** Lines on one matter closer together than this are left out: clients decide how often things go wrong. */
const QUIET_MS = 2000;

/** A log in which each matter (`what`) speaks at most once in a while, and says how often it was silent. */
export function createWarnings(
  clock: Clock,
  log: (message: string) => void,
): (what: string, message: string) => void {
  const matters = new Map<string, { last: number; silent: number }>();
  return (what, message) => {
    const now = clock.now();
    const matter = matters.get(what);
    if (matter !== undefined && now - matter.last < QUIET_MS && now >= matter.last) {
      matter.silent++;
      return;
    }
    log(
      matter === undefined || matter.silent === 0
        ? message
        : `${message} (and ${matter.silent} like it before)`,
    );
    matters.set(what, { last: now, silent: 0 });
  };
}
