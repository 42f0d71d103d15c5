import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus, hostname, machine, release, totalmem } from "node:os";
import type { DockerContext } from "./plugin.ts";

/** `GET /info`, its keys in Go's order (moby, api/types/system.Info). What netdock has nothing of is empty. */
export function infoView({ engine, version, info, addressPools }: DockerContext): object {
  const sandboxes = engine.sandboxes();
  const running = sandboxes.filter(({ state }) => state === "running").length;
  const system = osRelease();
  return {
    ID: machineId(),
    Containers: sandboxes.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: sandboxes.length - running,
    Images: 0,
    // Containers run on the host's own file system.
    Driver: "host",
    DriverStatus: [],
    Plugins: {
      Volume: [],
      Network: engine
        .networkDrivers()
        .map((name) => (name === "none" ? "null" : name))
        .toSorted(),
      Authorization: null,
      Log: ["json-file"],
    },
    MemoryLimit: false,
    SwapLimit: false,
    CpuCfsPeriod: false,
    CpuCfsQuota: false,
    CPUShares: false,
    CPUSet: false,
    PidsLimit: false,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 0,
    OomKillDisable: false,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: "json-file",
    CgroupDriver: "none",
    NEventsListener: 0,
    KernelVersion: release(),
    OperatingSystem: system("PRETTY_NAME"),
    OSVersion: system("VERSION_ID"),
    OSType: "linux",
    Architecture: machine(),
    IndexServerAddress: "",
    RegistryConfig: null,
    NCPU: cpus().length,
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: info().stateDir,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: version,
    Runtimes: { netdock: { path: "netdock" } },
    DefaultRuntime: "netdock",
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    // The data plane and the containers outlive the daemon.
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "",
    ContainerdCommit: { ID: "" },
    RuncCommit: { ID: "" },
    InitCommit: { ID: "" },
    SecurityOptions: [],
    DefaultAddressPools: addressPools.map(({ base, size }) => ({ Base: base, Size: size })),
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: [],
    Warnings: null,
  };
}

/** Stable and this machine's own; machine-id(5) asks not to be shown as it is. */
function machineId(): string {
  const digest = createHash("sha256")
    .update(`netdock docker ${readOr("/etc/machine-id", "")}`)
    .digest("hex");
  return [8, 12, 16, 20, 32].map((end, i, ends) => digest.slice(ends[i - 1] ?? 0, end)).join("-");
}

/** os-release(5). */
function osRelease(): (key: string) => string {
  const text = readOr("/etc/os-release", readOr("/usr/lib/os-release", ""));
  return (key) => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return otherwise;
  }
}
