import { Poller } from "../../kernel/poller.ts";
import { atExit } from "../at-exit.ts";
import { removeFolder } from "./folder.ts";

// What the engines of one thread share. It is a property of the process and not of an engine: libuv has four threads for
// everything that waits, and a waiting one for each engine would soon leave none for files and look-ups.

let shared: { readonly poller: Poller; users: number } | undefined;

/** The one poller; each call needs its `releasePoller`. */
export function acquirePoller(): Poller {
  shared ??= { poller: new Poller(), users: 0 };
  shared.users += 1;
  return shared.poller;
}

/** Resolves when, with the last user, the poller has closed its descriptors. */
export async function releasePoller(): Promise<void> {
  if (shared === undefined) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  const { poller } = shared;
  shared = undefined;
  poller.close();
  await poller.settled();
}

interface Remains {
  readonly folder: string;
  /** Ends what runs in the sandboxes, at once. */
  readonly kill: () => void;
}

/**
 * What must not outlive the process, should it end without having closed its engine (`process.exit`, an error nobody caught).
 * Links and namespaces go by themselves; processes and the folder do not. Returns the function that takes it back.
 */
export function cleanAtExit({ folder, kill }: Remains): () => void {
  return atExit(() => {
    kill();
    removeFolder(folder);
  });
}
