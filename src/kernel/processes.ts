import { closeSync, existsSync, openSync } from "node:fs";
import { invalid, NetError } from "../base/errors.ts";
import { unreachable } from "../base/unreachable.ts";
import type { SandboxId } from "../model/ids.ts";
import type { Processes, SpawnedProcess, SpawnRequest } from "../model/process.ts";
import { checkEnv, checkWorkingDir, findCommand, pathOf, refusal } from "./command.ts";
import { files, hasErrno } from "./errno.ts";
import { close, kill, mount, MNT_DETACH, MS, POLL, setDomainname, setHostname, unmount } from "./libc.ts";
import { pidfdOpen } from "./libc-poll.ts";
import { killMarked, killMarkedNow, sandboxMark } from "./mark.ts";
import type { ThreadNamespaces } from "./netns.ts";
import { exitCodeOfStatus, processStat, runningStat, watchProcess } from "./pidfd.ts";
import { openNetns } from "./pins.ts";
import type { Poller } from "./poller.ts";
import { collectChild, posixSpawn } from "./posix-spawn.ts";

export interface LinuxProcessesOptions {
  readonly namespaces: ThreadNamespaces;
  readonly poller: Poller;
  /** Folder of all namespaces' pins, which no process takes with it. */
  readonly pinsDir: string;
  /** The host's network namespace where that is not the thread's own. */
  readonly homeFd?: number | undefined;
}

/**
 * Starts processes in sandboxes without any helper program: this thread enters the sandbox's namespaces, spawns, and
 * returns, all in one synchronous stretch; the child is born where it belongs.
 */
export class LinuxProcesses implements Processes {
  readonly #options: LinuxProcessesOptions;
  constructor(options: LinuxProcessesOptions) {
    this.#options = options;
  }

  spawn(request: SpawnRequest): SpawnedProcess {
    const { process: wanted, stdio, netnsPath } = request;
    const env = [...checkEnv(wanted.env), sandboxMark(request.sandboxId)];
    const directory = wanted.workingDir ?? process.cwd();
    checkWorkingDir(directory);
    const name = wanted.command[0] ?? "";
    const file = findCommand(name, pathOf(env), directory);

    const opened: number[] = [];
    try {
      const netns = netnsPath === undefined ? undefined : openNetns(netnsPath);
      if (netns !== undefined) opened.push(netns);
      else if (netnsPath !== undefined) {
        throw invalid("netns", netnsPath, "the sandbox's namespace is gone", "process.start");
      }
      const descriptors = openStdio(stdio, opened);

      const place = netns ?? this.#options.homeFd;
      const result = this.#options.namespaces.withNewMounts(place, () => {
        this.#arrange(request, place !== undefined);
        return posixSpawn({
          file,
          argv: wanted.command,
          env,
          directory,
          stdio: descriptors,
          // A session of its own keeps it from the daemon's terminal and signals, and makes it a group to signal.
          newSession: stdio.kind !== "inherit",
        });
      });
      if ("errno" in result) throw refusal(name, whyNotStarted(result.errno), result.errno);
      return this.#child(result.pid);
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  watch(pid: number, startTicks: number): { readonly exited: Promise<number | undefined> } | undefined {
    return watchProcess(this.#options.poller, pid, startTicks);
  }

  startTicks(pid: number): number | undefined {
    return runningStat(pid)?.startTicks;
  }

  signal(pid: number, startTicks: number, signal: number): boolean {
    const stat = runningStat(pid);
    if (stat?.startTicks !== startTicks) return false;
    try {
      // A process of the foreground shares its group with the shell that started it: only its own group is signalled.
      kill(stat.group === pid ? -pid : pid, signal);
      return true;
    } catch (error) {
      if (hasErrno(error, "ESRCH")) return false;
      throw error;
    }
  }

  killAll(sandbox: SandboxId): Promise<number> {
    return killMarked(this.#options.poller, sandboxMark(sandbox));
  }

  /** As `killAll`, for a process that is about to exit: nothing is waited for. */
  killAllNow(sandbox: SandboxId): void {
    killMarkedNow(sandboxMark(sandbox));
  }

  /** Waits for a child of ours, so that no zombie stays. */
  #child(pid: number): SpawnedProcess {
    const { poller } = this.#options;
    // It cannot be gone: at worst it is a zombie, since only `collectChild` below ends that.
    const startTicks = processStat(pid)?.startTicks ?? 0;
    const fd = pidfdOpen(pid);
    if (fd === undefined) throw new NetError("internal", "process.start", { message: `pid ${pid} is gone` });
    const exited = new Promise<number>((resolve) => {
      poller.add(fd, POLL.IN, () => {
        poller.remove(fd);
        close(fd);
        resolve(exitCodeOfStatus(collectChild(pid) ?? 0));
      });
    });
    return { pid, startTicks, exited };
  }

  /** The mount tree, name and files of a sandbox, made in this thread's new mount and UTS namespaces. */
  #arrange(request: SpawnRequest, ownNetns: boolean): void {
    const { pinsDir } = this.#options;
    // What the host mounts or unmounts later still arrives here; nothing goes the other way.
    mount(null, "/", null, MS.REC | MS.SLAVE);
    // A copied pin would keep another sandbox's namespace alive for as long as this process runs.
    try {
      unmount(pinsDir, MNT_DETACH);
    } catch (error) {
      if (!hasErrno(error, "EINVAL", "ENOENT")) throw error;
    }
    if (ownNetns) showOwnLinks();

    mountFile(request.files.resolvConf, "/etc/resolv.conf");
    mountFile(request.files.hosts, "/etc/hosts");
    // Many systems have none, and sethostname below is what counts.
    if (existsSync("/etc/hostname")) mountFile(request.files.hostname, "/etc/hostname");
    setHostname(request.hostname);
    setDomainname(request.domainname);
  }
}

/**
 * /sys lists the links of the namespace in which it was mounted: the host's. The two folders that differ are taken from a
 * fresh sysfs and put over the old ones, so that all the rest (cgroups, bpf, tracing) stays as it is. The fresh one itself
 * ends up covered by the second: to unmount it would wait for the kernel's readers (0.4 ms).
 */
function showOwnLinks(): void {
  const [devices, links] = ["/sys/devices/virtual/net", "/sys/class/net"];
  if (!existsSync(devices)) return;
  try {
    mount("sysfs", devices, "sysfs", MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC);
  } catch (error) {
    // Without a full /sys of its own (in a container) the kernel refuses; then links are listed by netlink only.
    if (hasErrno(error, "EPERM", "EBUSY")) return;
    throw error;
  }
  mount(`${devices}/class/net`, links, null, MS.BIND);
  mount(`${devices}/devices/virtual/net`, devices, null, MS.BIND);
}

function mountFile(source: string, target: string): void {
  try {
    mount(source, target, null, MS.BIND);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    throw new NetError("unsupported", "process.start", {
      message: `${target} cannot be replaced for the sandbox: ${existsSync(source) ? target : source} is missing`,
      subject: target,
      remedy: `create ${target}; an empty file does`,
      cause: error,
    });
  }
}

/** What becomes 0, 1 and 2; what must be closed when the process has them is added to `opened`. */
function openStdio(stdio: SpawnRequest["stdio"], opened: number[]): readonly [number, number, number] {
  switch (stdio.kind) {
    case "inherit":
      return [0, 1, 2];
    case "descriptors":
      return stdio.descriptors;
    case "log": {
      const [log, nothing] = files<[number, number]>("process.start", stdio.path, () => [
        openSync(stdio.path, "a", 0o640),
        openSync("/dev/null", "r"),
      ]);
      opened.push(log, nothing);
      return [nothing, log, log];
    }
    default:
      return unreachable(stdio);
  }
}

function whyNotStarted(errno: string): string {
  if (errno === "ENOENT") return "the interpreter it names is missing";
  return errno === "ENOEXEC"
    ? "it is no program for this machine, and has no #! line"
    : `the kernel says ${errno}`;
}
