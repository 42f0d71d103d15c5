import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bridgeDriver } from "../drivers/bridge/driver.ts";
import { hostDriver } from "../drivers/host/driver.ts";
import { macvlanDriver } from "../drivers/macvlan/driver.ts";
import { noneDriver } from "../drivers/none/driver.ts";
import type { Engine } from "../engine/contract.ts";
import { startEngine } from "../engine/controller.ts";
import type { Log } from "../engine/core.ts";
import type { JournalStep } from "../engine/journal.ts";
import { defaultPools } from "../ipam/default-pools.ts";
import { createDefaultIpam } from "../ipam/default.ts";
import { LEASE_LIMITS } from "../ipam/lease-pool.ts";
import { createNullIpam } from "../ipam/null.ts";
import { type LinuxHost, openLinuxHost } from "../kernel/host.ts";
import type { Clock } from "../base/clock.ts";
import { HOST_NETNS } from "../model/ops.ts";
import { createZoneKeeper } from "../services/firewalld/index.ts";
import { createPortProxy } from "../services/proxy/index.ts";
import { openStore } from "../store/open.ts";
import { readResolvConf } from "./resolver/resolv-conf.ts";
import { startResolver } from "./resolver/service.ts";

/** Where D-Bus has its system bus (D-Bus Specification, Well-known Message Bus Instances). */
const SYSTEM_BUS = "/run/dbus/system_bus_socket";

export interface AssembleOptions {
  readonly runDir: string;
  readonly stateDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Link name of the default bridge. */
  readonly defaultBridge: string;
  /** The host to work on; closed with the engine. Absent: this process's own, with what it makes outliving it. */
  readonly host?: LinuxHost | undefined;
  /** State in memory instead of in a file under `stateDir`. */
  readonly transient?: boolean | undefined;
  /** The host's resolv.conf. Absent: the machine's `/etc/resolv.conf`. */
  readonly resolvConfPath?: string | undefined;
  readonly onStep?: ((step: JournalStep) => void) | undefined;
}

/**
 * Puts the engine together from its real parts. Whatever was opened is closed again when a later part fails. Throws `conflict`
 * when another engine works on the same host or state.
 */
export async function assembleEngine(options: AssembleOptions): Promise<Engine> {
  const { runDir, stateDir, log, clock } = options;
  const resolvConfPath = options.resolvConfPath ?? "/etc/resolv.conf";
  mkdirSync(runDir, { recursive: true, mode: 0o755 });
  mkdirSync(stateDir, { recursive: true, mode: 0o750 });
  const host = options.host ?? openLinuxHost({ runDir });
  try {
    host.claim();
    const store = openStore({ path: options.transient === true ? ":memory:" : join(stateDir, "netdock.db") });
    try {
      return await startEngine({
        host,
        store,
        processes: host.processes,
        // The registration table: a driver is in the product when it stands here.
        drivers: [bridgeDriver(), hostDriver(), macvlanDriver(), noneDriver()],
        ipam: [
          createDefaultIpam({
            store: store.leases,
            clock,
            pools: addressPools(),
            limits: LEASE_LIMITS,
          }),
          createNullIpam(),
        ],
        proxy: createPortProxy({
          openTcp: (family) => host.openTcp(HOST_NETNS, family),
          openUdp: (family) => host.openUdp(HOST_NETNS, family),
        }),
        resolver: (names) => startResolver({ names, sockets: host, resolvConfPath, log }),
        clock,
        log,
        // A host that was given is not the one whose firewall the system bus leads to.
        zones: options.host === undefined ? createZoneKeeper({ socket: SYSTEM_BUS }) : undefined,
        paths: { runDir, stateDir },
        defaultBridge: options.defaultBridge,
        hostResolvConf: () => readResolvConf(resolvConfPath),
        onStep: options.onStep,
      });
    } catch (error) {
      store.close();
      throw error;
    }
  } catch (error) {
    host.close();
    throw error;
  }
}

/** From which networks that name no subnet get one. */
export function addressPools(): ReturnType<typeof defaultPools> {
  return defaultPools(hostSeed());
}

/**
 * 40 bits that are this machine's own (RFC 4193 section 3.2.2 wants a global ID no other site has), stable over restarts.
 * machine-id(5) asks not to be shown as it is, so it is hashed.
 */
function hostSeed(): Uint8Array {
  let id = "netdock";
  try {
    id = readFileSync("/etc/machine-id", "utf8").trim() || id;
  } catch {
    // Minimal systems have none; one fixed prefix is still a valid ULA.
  }
  return createHash("sha256").update(`netdock ${id}`).digest().subarray(0, 5);
}
