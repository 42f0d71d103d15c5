import type { NetdockClient, NetworkView, SandboxView } from "../client.ts";
import type { Progress } from "../view/progress.ts";
import { limiter } from "../work/limit.ts";
import { LABEL } from "./labels.ts";
import { removeGracefully } from "./stop.ts";

export interface DownRequest {
  readonly client: NetdockClient;
  readonly progress: Progress;
  readonly sandboxes: readonly SandboxView[];
  readonly networks: readonly NetworkView[];
  /** Seconds until a process that does not end is killed; absent: as its service says. */
  readonly timeoutSeconds: number | undefined;
}

const CONCURRENCY = 16;

/**
 * Removes a project: sandboxes first, those that depend on others before them, then networks. One that cannot be removed does
 * not keep the others; the first failure is thrown at the end.
 */
export async function executeDown(request: DownRequest): Promise<void> {
  const { client, progress, sandboxes, networks, timeoutSeconds } = request;
  const limited = limiter(CONCURRENCY);
  const gone = new Map<string, Promise<unknown>>();
  const services = [...new Set(sandboxes.map(serviceOf))];
  const removeService = async (name: string): Promise<void> => {
    await Promise.allSettled(dependents(name, sandboxes).map((other) => goneOf(other)));
    const own = sandboxes.filter((view) => serviceOf(view) === name);
    await settled(
      own.map((view) =>
        limited(async () => {
          progress.update(`sandbox ${view.name}`, "stopping");
          await removeGracefully(client, view, timeoutSeconds);
          progress.done(`sandbox ${view.name}`, "removed");
        }),
      ),
    );
  };
  // A service's promise is noted before it runs, so that services that name each other (labels of an older file) do not
  // wait for ever: whoever comes second finds the first under way and would wait for it, but the first waits for nobody new.
  const goneOf = (name: string): Promise<unknown> => {
    const known = gone.get(name);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    gone.set(name, promise);
    removeService(name).then(resolve, reject);
    return promise;
  };
  await settled(services.map(goneOf));
  await settled(
    networks.map((network) =>
      limited(async () => {
        await client.removeNetwork(network.id);
        progress.done(`network ${network.name}`, "removed");
      }),
    ),
  );
}

function serviceOf(view: SandboxView): string {
  return view.labels[LABEL.service] ?? view.name;
}

/** Services that depend on this one. */
function dependents(name: string, sandboxes: readonly SandboxView[]): string[] {
  const depends = sandboxes.filter((view) => (view.labels[LABEL.dependsOn] ?? "").split(",").includes(name));
  return [...new Set(depends.map(serviceOf))].filter((other) => other !== name);
}

/** Waits for all, then throws what went wrong first. */
async function settled(works: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}
