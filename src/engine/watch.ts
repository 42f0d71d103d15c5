import { errorText } from "../base/errors.ts";
import type { HostEvent } from "../model/host.ts";
import type { NetnsKey } from "../model/ops.ts";
import type { Core } from "./core.ts";
import { Watchman } from "./doctor.ts";
import type { Reconciler } from "./reconcile.ts";

/** How long changes made by others are gathered before we look: a flush of a table sends a burst of events. */
const GATHER_MS = 100;

/**
 * Looks when someone else changed something, and mends what was ours: everything after a change to the host's links,
 * addresses, routes or tables; one sandbox after something was taken away in it. Until the returned function is called.
 */
export function watchKernel(core: Core, reconciler: Reconciler): () => void {
  const watchman = new Watchman(core);
  watchman.look();
  let filters = false;
  const host = gather(() => {
    run(core, async () => {
      await reconciler.reconcile({ dryRun: false });
      if (filters) watchman.look();
      filters = false;
    });
  });
  const gone = new Set<NetnsKey>();
  const sandboxes = gather(() => {
    const keys = [...gone];
    gone.clear();
    for (const key of keys) run(core, () => reconciler.mendSandbox(key));
  });
  const stops = [
    core.host.watch((event) => {
      if (!concernsUs(event)) return;
      filters ||= event.kind === "firewall";
      host.begin();
    }),
    core.host.watchSandboxes((key) => {
      gone.add(key);
      sandboxes.begin();
    }),
    host.stop,
    sandboxes.stop,
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Routes of others come and go. */
function concernsUs(event: HostEvent): boolean {
  return event.kind !== "route" || event.link !== undefined;
}

function run(core: Core, look: () => Promise<unknown>): void {
  look().catch((error: unknown) => {
    core.log.error({ error: errorText(error) }, "could not reconcile after a change by others");
  });
}

/** Calls `look` some time after the first `begin`, once for all that came meanwhile. */
function gather(look: () => void): { readonly begin: () => void; readonly stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin: () => {
      if (timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        look();
      }, GATHER_MS);
      timer.unref();
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}
