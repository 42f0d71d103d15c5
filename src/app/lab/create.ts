import { closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { UndoStack } from "../../base/undo.ts";
import type { Log } from "../../engine/core.ts";
import { DescriptorPins } from "../../kernel/descriptor-pins.ts";
import { makeHome } from "../../kernel/home.ts";
import { type LinuxHost, openLinuxHost } from "../../kernel/host.ts";
import type { SandboxId } from "../../model/ids.ts";
import { assembleEngine } from "../assemble.ts";
import { NetworkEngine } from "./engine.ts";
import { findLeftovers, makeFolder, removeFolder } from "./folder.ts";
import { requirePrivileges } from "./privileges.ts";
import { acquirePoller, cleanAtExit, releasePoller } from "./resources.ts";
import type { EngineOptions } from "./types.ts";

/** See `createEngine` in ../index.ts. Everything made is taken back when a later step fails. */
export async function create(options: EngineOptions): Promise<NetworkEngine> {
  requirePrivileges();
  const isolated = options.host !== "current";
  const log = options.log ?? warnings;
  const parent = resolve(options.dir ?? tmpdir());
  await using undo = new UndoStack();
  const dir = makeFolder(parent);
  undo.defer(() => removeFolder(dir));
  const homeFd = isolated ? makeHome() : undefined;
  undo.defer(() => {
    if (homeFd !== undefined) closeSync(homeFd);
  });
  const poller = acquirePoller();
  undo.defer(releasePoller);
  const runDir = join(dir, "run");
  const host = openLinuxHost({
    runDir,
    poller,
    pins: new DescriptorPins(runDir),
    ...(homeFd === undefined ? {} : { homeNetnsFd: homeFd }),
  });
  undo.defer(() => {
    host.close();
    return host.settled();
  });
  await sweep(parent, host);
  const engine = await assembleEngine({
    host,
    runDir,
    stateDir: join(dir, "state"),
    transient: true,
    log,
    clock: { now: () => Date.now() },
    defaultBridge: "netdock0",
    // The machine's name servers cannot be reached from in there.
    ...(isolated ? { resolvConfPath: "/dev/null" } : {}),
  });
  const forget = cleanAtExit({
    folder: dir,
    kill: () => {
      for (const { id } of engine.sandboxes()) host.processes.killAllNow(id);
    },
  });
  undo.commit();
  const release = async (): Promise<void> => {
    forget();
    await releasePoller();
    removeFolder(dir);
  };
  return new NetworkEngine({ engine, host, homeFd, dir, release });
}

/** What engines of processes that were killed have left: processes that lost their network, and files. */
async function sweep(parent: string, host: LinuxHost): Promise<void> {
  await Promise.all(
    findLeftovers(parent).map(async ({ path, sandboxes }) => {
      await Promise.all(sandboxes.map((id) => host.processes.killAll(id as SandboxId)));
      removeFolder(path);
    }),
  );
}

const warnings: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: (facts, message) => process.emitWarning(`${message} ${JSON.stringify(facts)}`, "NetdockWarning"),
};
