import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { invalid, NetError } from "../base/errors.ts";
import type { SandboxId } from "../model/ids.ts";
import type {
  BesideRequest,
  ProcessRef,
  Processes,
  SpawnedProcess,
  SpawnRequest,
  Terminal,
  TerminalSize,
} from "../model/process.ts";
import { errnoName } from "../wire/netlink/errno.ts";
import { checkEnv, checkWorkingDir, findCommand, pathOf, refusal } from "./command.ts";
import { fileError, hasErrno, isNodeError } from "./errno.ts";
import { close, kill, mount, MNT_DETACH, MS, POLL, setDomainname, setHostname, unmount } from "./libc.ts";
import { pipe, resizeTerminal } from "./libc-files.ts";
import { pidfdOpen } from "./libc-poll.ts";
import { killMarked, killMarkedNow, sandboxMark } from "./mark.ts";
import type { ProcessNamespaces, ThreadNamespaces } from "./netns.ts";
import { openPid1Program } from "./pid1-program.ts";
import { exitCodeOfStatus, processStat, runningStat, watchProcess } from "./pidfd.ts";
import { openNetns } from "./pins.ts";
import type { Poller } from "./poller.ts";
import { collectChild, posixSpawn, type SpawnOptions } from "./posix-spawn.ts";
import { openStdio, openTerminal } from "./stdio.ts";

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
    const { stdio, netnsPath, ownPids = false } = request;
    const opened: number[] = [];
    try {
      const program = this.#programOf(request);
      const netns = netnsPath === undefined ? undefined : openNetns(netnsPath);
      if (netns !== undefined) opened.push(netns);
      else if (netnsPath !== undefined) {
        throw invalid("netns", netnsPath, "the sandbox's namespace is gone", "process.start");
      }
      const descriptors = openStdio(stdio, opened);
      const place = netns ?? this.#options.homeFd;
      const first = ownPids ? this.#firstProgram(program, opened) : undefined;
      let pid;
      try {
        pid = this.#options.namespaces.withNewMounts({ netns: place, ownPids }, () => {
          this.#arrange(request, place !== undefined);
          return start({
            ...program,
            ...first?.program,
            stdio: descriptors,
            newSession: stdio.kind !== "inherit",
          });
        });
      } catch (error) {
        first?.abandon();
        throw error;
      }
      return this.#child(pid, first?.started());
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  spawnBeside(request: BesideRequest): SpawnedProcess {
    const opened: number[] = [];
    try {
      const program = this.#programOf(request);
      const descriptors = openStdio(request.stdio, opened);
      const namespaces = openNamespaces(request.beside, opened);
      return this.#child(
        this.#options.namespaces.withNamespaces(namespaces, () =>
          start({ ...program, stdio: descriptors, newSession: true }),
        ),
      );
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  openPipe(): { readonly read: number; readonly write: number } {
    return pipe();
  }

  openTerminal(size: TerminalSize | undefined): Terminal {
    return openTerminal(size);
  }

  resizeTerminal(master: number, size: TerminalSize): void {
    resizeTerminal(master, size);
  }

  /** Throws `invalid` with the reason when the command cannot be started. */
  #programOf({ process: wanted, sandboxId }: Pick<SpawnRequest, "process" | "sandboxId">): Program {
    const env = [...checkEnv(wanted.env), sandboxMark(sandboxId)];
    const directory = wanted.workingDir ?? process.cwd();
    checkWorkingDir(directory);
    const name = wanted.command[0] ?? "";
    return { file: findCommand(name, pathOf(env), directory), argv: wanted.command, env, directory };
  }

  /** What is started in place of a program so that it becomes pid 1, and how to learn that it did. */
  #firstProgram(
    program: Program,
    opened: number[],
  ): {
    readonly program: Partial<SpawnOptions>;
    /** When it was started: resolves when the program runs. */
    readonly started: () => Promise<void>;
    /** When it was not. */
    readonly abandon: () => void;
  } {
    const { poller } = this.#options;
    const file = openPid1Program();
    opened.push(file);
    const word = pipe();
    opened.push(word.write);
    return {
      abandon: () => closeSync(word.read),
      program: {
        file: `/proc/self/fd/${file}`,
        argv: ["netdock", program.file, ...program.argv],
        third: word.write,
      },
      started: () =>
        new Promise((resolve, reject) => {
          poller.add(word.read, POLL.IN, () => {
            poller.remove(word.read);
            const errno = new Int32Array(1);
            const size = readSync(word.read, errno);
            closeSync(word.read);
            if (size === 0) resolve();
            else reject(notStarted(program.argv[0] as string, errnoName(errno[0] as number)));
          });
        }),
    };
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
  #child(pid: number, started?: Promise<void>): SpawnedProcess {
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
    return { pid, startTicks, exited, ...(started === undefined ? {} : { started }) };
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

type Program = Pick<SpawnOptions, "file" | "argv" | "env" | "directory">;

function start(options: SpawnOptions): number {
  const result = posixSpawn(options);
  if ("errno" in result) throw notStarted(options.argv[0] ?? "", result.errno);
  return result.pid;
}

function notStarted(name: string, errno: string): NetError {
  return refusal(name, whyNotStarted(errno), errno);
}

/** The namespaces of a process that runs. */
function openNamespaces({ pid, startTicks }: ProcessRef, opened: number[]): ProcessNamespaces {
  const open = (name: string): number => {
    const fd = openSync(`/proc/${pid}/ns/${name}`, "r");
    opened.push(fd);
    return fd;
  };
  try {
    const found = { net: open("net"), uts: open("uts"), pid: open("pid"), mnt: open("mnt") };
    // Looked at afterwards: the number may have gone to another process in between.
    if (runningStat(pid)?.startTicks === startTicks) return found;
  } catch (error) {
    if (!isNodeError(error, "ENOENT", "ESRCH")) throw fileError("process.start", `pid ${pid}`, error);
  }
  throw new NetError("not_found", "process.start", { message: `process ${pid} has ended` });
}

function whyNotStarted(errno: string): string {
  if (errno === "ENOENT") return "the interpreter it names is missing";
  return errno === "ENOEXEC"
    ? "it is no program for this machine, and has no #! line"
    : `the kernel says ${errno}`;
}
