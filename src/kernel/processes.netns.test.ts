import { spawn } from "node:child_process";
import { closeSync, mkdirSync, readFileSync, readlinkSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { SandboxId } from "../model/ids.ts";
import type { ProcessSpec, SpawnRequest } from "../model/process.ts";
import { type HostNamespace, withHostNamespace } from "../testkit/kernel.ts";
import { bridge, deletion, veth } from "../testkit/steps.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const id = "5a".repeat(32) as SandboxId;

/** A request to run `script` in sandbox `aa`, its output in the file `log` of the run directory. */
function request(
  home: HostNamespace,
  command: readonly string[],
  more: Partial<ProcessSpec> = {},
): SpawnRequest {
  const { runDir, host } = home;
  const files = {
    resolvConf: join(runDir, "resolv"),
    hosts: join(runDir, "hosts"),
    hostname: join(runDir, "name"),
  };
  for (const [name, path] of Object.entries(files)) writeFileSync(path, `file of ${name}\n`);
  return {
    sandboxId: id,
    process: { command, env: [PATH], ...more },
    hostname: "boxy",
    domainname: "example.org",
    netnsPath: host.netnsPath("aa"),
    files,
    stdio: { kind: "log", path: join(runDir, "log") },
  };
}

const shell = (script: string): string[] => ["sh", "-ec", script];

/** Runs to the end; what it printed. */
async function output(home: HostNamespace, script: string, more: Partial<ProcessSpec> = {}): Promise<string> {
  writeFileSync(join(home.runDir, "log"), "");
  const { exited } = home.host.processes.spawn(request(home, shell(script), more));
  const code = await exited;
  const text = readFileSync(join(home.runDir, "log"), "utf8");
  expect([code, text]).toEqual([0, text]);
  return text.trim();
}

function sandboxed(run: (home: HostNamespace) => Promise<void> | void): Promise<void> {
  return withHostNamespace(async (home) => {
    home.host.createNetns("aa");
    await run(home);
    home.host.deleteNetns("aa");
  });
}

test("a process sees its own namespace, links, name and files", () =>
  sandboxed(async (home) => {
    const { host } = home;
    await host.apply([bridge("br0"), veth("v0", "aa", "br0")]);
    expect(await output(home, "stat -Lc %i /proc/self/ns/net")).toBe(
      String(statSync(host.netnsPath("aa")).ino),
    );
    expect((await output(home, "ls /sys/class/net")).split("\n")).toEqual(["eth0", "lo"]);
    expect(await output(home, "cat /sys/class/net/eth0/mtu")).toBe("1500");
    expect(await output(home, "cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname")).toBe(
      "boxy\nexample.org",
    );
    expect(await output(home, "cat /etc/resolv.conf /etc/hosts")).toBe("file of resolvConf\nfile of hosts");
    await host.apply([deletion("br0"), deletion("v0")]);
  }));

test("the host's own files, name and mounts are as before", () =>
  sandboxed(async (home) => {
    const look = (): string[] => [
      readFileSync("/etc/hosts", "utf8"),
      readFileSync("/proc/sys/kernel/hostname", "utf8"),
      readFileSync("/proc/thread-self/mountinfo", "utf8"),
      process.cwd(),
      String(statSync("/proc/thread-self/ns/net").ino),
    ];
    // The pins' folder is mounted already; files of another test may come and go.
    const before = look().with(2, "");
    await output(home, "true");
    expect(look().with(2, "")).toEqual(before);
    expect(readFileSync("/proc/thread-self/mountinfo", "utf8")).not.toContain("/etc/hosts");
  }));

test("a process keeps no other sandbox's namespace alive", () =>
  sandboxed(async (home) => {
    const { runDir, host } = home;
    host.createNetns("bb");
    expect(await output(home, `grep -c ${runDir}/netns /proc/self/mountinfo || true`)).toBe("0");
    host.deleteNetns("bb");
  }));

test("cgroups and the rest of /sys stay as they are on the host", () =>
  sandboxed(async (home) => {
    const there = await output(home, "ls /sys/fs/cgroup");
    const host = spawn("ls", ["/sys/fs/cgroup"], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    for await (const part of host.stdout) text += String(part);
    expect(there).toBe(text.trim());
  }));

test("it gets argv, environment and working directory as they are, and a session of its own", () =>
  sandboxed(async (home) => {
    const dir = join(home.runDir, "work");
    mkdirSync(dir);
    const env = [PATH, "A=1", "B=x=y", "C="];
    const text = await output(
      home,
      'pwd; echo "$A|$B|$C"; env | grep NETDOCK; cut -d" " -f1,5,6 /proc/$$/stat',
      {
        workingDir: dir,
        env,
      },
    );
    const lines = text.split("\n");
    expect(lines.slice(0, 3)).toEqual([dir, "1|x=y|", `NETDOCK_SANDBOX=${id}`]);
    const [pid, group, session] = (lines[3] ?? "").split(" ");
    expect([group, session]).toEqual([pid, pid]);
  }));

test("it inherits no descriptor and no ignored or blocked signal", () =>
  sandboxed(async (home) => {
    const log = join(home.runDir, "log");
    for (const command of [
      ["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"],
      ["ls", "/proc/self/fd"],
    ]) {
      await home.host.processes.spawn(request(home, command)).exited;
    }
    const [blocked, ignored, ...descriptors] = readFileSync(log, "utf8").trim().split("\n");
    expect([blocked, ignored]).toEqual(["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
    // The fourth is the folder that ls reads.
    expect(descriptors).toEqual(["0", "1", "2", "3"]);
  }));

test("output is appended to the log", () =>
  sandboxed(async (home) => {
    const { processes } = home.host;
    await processes.spawn(request(home, shell("echo one; echo two >&2"))).exited;
    await processes.spawn(request(home, shell("echo three"))).exited;
    expect(readFileSync(join(home.runDir, "log"), "utf8")).toBe("one\ntwo\nthree\n");
  }));

test("exit codes are told, 128+n after signal n", () =>
  sandboxed(async (home) => {
    const { processes } = home.host;
    expect(await processes.spawn(request(home, shell("exit 7"))).exited).toBe(7);
    const sleeping = processes.spawn(request(home, ["sleep", "100"]));
    expect(processes.startTicks(sleeping.pid)).toBe(sleeping.startTicks);
    expect(processes.signal(sleeping.pid, sleeping.startTicks + 1, 15)).toBe(false);
    expect(processes.signal(sleeping.pid, sleeping.startTicks, 15)).toBe(true);
    expect(await sleeping.exited).toBe(143);
    expect(processes.signal(sleeping.pid, sleeping.startTicks, 15)).toBe(false);
    expect(processes.startTicks(sleeping.pid)).toBeUndefined();
  }));

test("a signal reaches the whole group", () =>
  sandboxed(async (home) => {
    const { processes } = home.host;
    const parent = processes.spawn(request(home, shell("sleep 100 & echo $!; wait")));
    let child = 0;
    while (child === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      child = Number(readFileSync(join(home.runDir, "log"), "utf8"));
    }
    const watched = processes.watch(child, processes.startTicks(child)!);
    processes.signal(parent.pid, parent.startTicks, 15);
    await parent.exited;
    await watched?.exited;
    expect(processes.startTicks(child)).toBeUndefined();
  }));

test("killAll() ends every process with the sandbox's mark, those in sessions of their own too, and no other", () =>
  sandboxed(async (home) => {
    const { processes } = home.host;
    const marked = processes.spawn(request(home, shell("setsid sleep 100 & setsid sleep 100 & wait")));
    const other = processes.spawn({ ...request(home, ["sleep", "100"]), sandboxId: "other" as SandboxId });
    const marks = (): number =>
      Number(readFileSync(`/proc/${marked.pid}/task/${marked.pid}/children`, "utf8").split(" ").length - 1);
    while (marks() < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(await processes.killAll(id)).toBeGreaterThanOrEqual(3);
    expect(await marked.exited).toBe(137);
    expect(await processes.killAll(id)).toBe(0);
    expect(processes.startTicks(other.pid)).toBe(other.startTicks);
    expect(await processes.killAll("other" as SandboxId)).toBe(1);
    expect(await other.exited).toBe(137);
  }));

test("the end of a process that is not our child is told, with its exit code", () =>
  withHostNamespace(async ({ host: { processes } }) => {
    // An orphan: whoever collects it, we do not.
    const parent = spawn("sh", ["-c", "sh -c 'read x; exit 9' <&3 >/dev/null & echo $!"], {
      stdio: ["ignore", "pipe", "inherit", "pipe"],
    });
    let text = "";
    for await (const part of parent.stdout!) text += String(part);
    const pid = Number(text);
    const ticks = processes.startTicks(pid)!;
    expect(processes.watch(pid, ticks + 1)).toBeUndefined();
    const watched = processes.watch(pid, ticks);
    const pipe = parent.stdio[3] as unknown as NodeJS.WritableStream;
    pipe.end("go\n");
    expect(await watched?.exited).toBe(9);
    expect(processes.watch(pid, ticks)).toBeUndefined();
  }));

test("what cannot be started is refused at once, by name and reason", () =>
  sandboxed((home) => {
    const { runDir, host } = home;
    const file = (name: string, text: string, mode: number): string => {
      writeFileSync(join(runDir, name), text, { mode });
      return join(runDir, name);
    };
    const refusals: readonly (readonly [string, string])[] = [
      [
        "no-such-command",
        `"no-such-command" cannot be started: there is no such command in PATH (${PATH.slice(5)})`,
      ],
      ["", '"" cannot be started: give a command'],
      [runDir, "it is not a file"],
      ["./missing", "there is no such file"],
      [file("plain", "x", 0o644), "it is not executable"],
      [file("script", "#!/nope\n", 0o755), "the interpreter it names is missing"],
      [file("binary", "\u007fELF\u0000", 0o755), "it is no program for this machine"],
    ];
    for (const [command, reason] of refusals) {
      expect(() => host.processes.spawn(request(home, [command])), command).toThrow(reason);
    }
    const bad = (more: Partial<ProcessSpec>) => () => host.processes.spawn(request(home, ["true"], more));
    expect(bad({ workingDir: "/nope" })).toThrow(
      'workingDir: "/nope" cannot be used: there is no such directory',
    );
    expect(bad({ env: ["novalue"] })).toThrow('env: "novalue" is not valid: write NAME=value');
    const gone = { ...request(home, ["true"]), netnsPath: "/nonexistent" };
    expect(() => host.processes.spawn(gone)).toThrow("the sandbox's namespace is gone");
    const files = { ...request(home, ["true"]).files, hosts: "/nonexistent" };
    expect(() => host.processes.spawn({ ...request(home, ["true"]), files })).toThrow(
      "/nonexistent is missing",
    );
  }));

test("a process with pids of its own is pid 1, sees itself in /proc and takes its children along", () =>
  sandboxed(async (home) => {
    const ask = request(home, shell("echo $$; ls -d /proc/[0-9]*; setsid sleep 100 & exit 3"));
    const { started, exited } = home.host.processes.spawn({ ...ask, ownPids: true });
    await started;
    expect(await exited).toBe(3);
    expect(readFileSync(join(home.runDir, "log"), "utf8")).toBe("1\n/proc/1\n");
    expect(await home.host.processes.killAll(id)).toBe(0);
  }));

test("pid 1 says why its program cannot be executed", () =>
  sandboxed(async (home) => {
    const file = join(home.runDir, "script");
    writeFileSync(file, "#!/no/such/shell\n", { mode: 0o755 });
    const { started, exited } = home.host.processes.spawn({ ...request(home, [file]), ownPids: true });
    await expect(started).rejects.toMatchObject({ code: "invalid", field: "command", errno: "ENOENT" });
    expect(await exited).toBe(126);
  }));

test("a command beside a process shares its pids, files and name", () =>
  sandboxed(async (home) => {
    const ask = request(home, shell("sleep 100"));
    const { pid, startTicks, started, exited } = home.host.processes.spawn({ ...ask, ownPids: true });
    await started;
    const script = shell("hostname; cat /etc/hosts; ls -d /proc/1; readlink /proc/self/ns/pid");
    const { process, sandboxId } = request(home, script);
    const path = join(home.runDir, "exec");
    const beside = home.host.processes.spawnBeside({
      sandboxId,
      process,
      beside: { pid, startTicks },
      stdio: { kind: "log", path },
    });
    expect(await beside.exited).toBe(0);
    const seen = readFileSync(path, "utf8").trim().split("\n");
    expect(seen.slice(0, 3)).toEqual(["boxy", "file of hosts", "/proc/1"]);
    expect(seen[3]).toBe(readlinkSync(`/proc/${pid}/ns/pid`));
    expect(readlinkSync("/proc/thread-self/ns/pid_for_children")).toBe(readlinkSync("/proc/self/ns/pid"));
    home.host.processes.signal(pid, startTicks, 9);
    expect(await exited).toBe(137);
    expect(() =>
      home.host.processes.spawnBeside({
        sandboxId,
        process,
        beside: { pid, startTicks },
        stdio: { kind: "log", path },
      }),
    ).toThrow(`process ${pid} has ended`);
  }));

test("a terminal is the session's own", () =>
  sandboxed(async (home) => {
    const { processes } = home.host;
    const { master, path } = processes.openTerminal({ rows: 7, columns: 70 });
    const ask = request(home, shell("stty size; tty; echo hi > /dev/tty; sleep 100"));
    const { pid, startTicks, exited } = processes.spawn({ ...ask, stdio: { kind: "terminal", path } });
    let text = "";
    const block = Buffer.alloc(100);
    while (!text.includes("hi")) text += block.toString("utf8", 0, readSync(master, block));
    expect(text).toBe(`7 70\r\n${path}\r\nhi\r\n`);
    processes.signal(pid, startTicks, 9);
    expect(await exited).toBe(137);
    closeSync(master);
  }));

test("a process with pids of its own that cannot be started leaves no descriptor", () =>
  sandboxed((home) => {
    const files = { ...request(home, shell("true")).files, hosts: join(home.runDir, "missing") };
    expect(() =>
      home.host.processes.spawn({ ...request(home, shell("true")), files, ownPids: true }),
    ).toThrow("is missing");
  }));
