import { afterAll, beforeAll, expect, test } from "vitest";
import { DOCKER, docker as runDocker, LACKING_DOCKER } from "./docker-cli.ts";
import { type Outcome, World } from "./world.ts";

// Containers by the real docker command: its output and exit codes as Docker gives them.

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

function docker(args: readonly string[], input?: string): Promise<Outcome> {
  return runDocker(world, args, input === undefined ? {} : { input });
}

/** Standard output of a command that must succeed. */
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout.trim();
}

/** Exit code and error of a command that must fail. */
async function failure(...args: string[]): Promise<{ code: number; error: string }> {
  const { code, stderr } = await docker(args);
  return { code, error: stderr.split("\n\nRun 'docker")[0]?.trim() ?? "" };
}

const refused = (code: number, message: string): { code: number; error: string } => ({
  code,
  error: `${code === 125 ? "docker: " : ""}Error response from daemon: ${message}`,
});

function it(title: string, run: () => Promise<void>): void {
  test.skipIf(DOCKER === undefined)(`${title}${LACKING_DOCKER}`, run);
}

it("run prints what the command prints, and exits as it does", async () => {
  expect(await docker(["run", "--rm", "host", "echo", "hi"])).toEqual({
    code: 0,
    stdout: "hi\n",
    stderr: "",
  });
  const both = await docker(["run", "--rm", "host", "sh", "-c", "echo out; echo err >&2; exit 3"]);
  expect(both).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
  expect(await docker(["run", "--rm", "-i", "host", "tr", "a-z", "A-Z"], "input\n")).toMatchObject({
    code: 0,
    stdout: "INPUT\n",
  });
  const big = await docker(["run", "--rm", "host", "head", "-c", "5000000", "/dev/zero"]);
  expect(big.stdout.length).toBe(5_000_000);
  expect(await ok("ps", "-aq")).toBe("");
});

it("the command is pid 1, with the environment, folder and host name asked for", async () => {
  const script = 'echo $$ "$A" "$HOSTNAME" $(hostname) "$PWD" $(cat /proc/1/comm)';
  const flags = ["--rm", "-e", "A=b", "-w", "/usr", "--hostname", "boxy"];
  expect(await ok("run", ...flags, "host", "sh", "-c", script)).toBe("1 b boxy boxy /usr sh");
});

it("exit codes 125, 126 and 127 say why nothing was run", async () => {
  expect(await failure("run", "--rm", "host", "nosuch")).toEqual({
    code: 127,
    error: `docker: Error response from daemon: failed to create task for container: exec: "nosuch": executable file not found in $PATH`,
  });
  expect(await failure("run", "--rm", "host", "/etc/passwd")).toEqual({
    code: 126,
    error: `docker: Error response from daemon: failed to create task for container: exec: "/etc/passwd": permission denied`,
  });
  expect(await failure("run", "--network", "nope", "--rm", "host", "true")).toEqual(
    refused(125, "failed to set up container networking: network nope not found"),
  );
  expect(await failure("run", "-v", "/a:/b", "host", "true")).toEqual(
    refused(
      125,
      "--volume, --mount, --tmpfs: netdock has no volumes: a container sees the host's file system as it is",
    ),
  );
  expect((await failure("run", "--privileged", "host", "true")).code).toBe(125);
  expect((await failure("run", "alpine", "true")).error).toContain("netdock has no images");
  expect(await failure("run", "host")).toEqual(refused(125, "no command specified"));
  expect(await ok("ps", "-aq")).toBe("");
});

it("a container runs detached, and is stopped, started and removed", async () => {
  const id = await ok(
    "run",
    "-d",
    "--name",
    "c1",
    "--label",
    "a=b",
    "host",
    "sh",
    "-c",
    "echo run; exec sleep 100",
  );
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await ok("ps", "--format", "{{.ID}} {{.Image}} {{.Names}} {{.State}}")).toBe(
    `${id.slice(0, 12)} host c1 running`,
  );
  expect(await failure("run", "--name", "c1", "host", "true")).toEqual(
    refused(
      125,
      `Conflict. The container name "/c1" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    ),
  );
  expect(await failure("rm", "c1")).toEqual({
    code: 1,
    error:
      'Error response from daemon: cannot remove container "c1": container is running: stop the container before removing or force remove',
  });
  // Pid 1 does not hear signals it has no handler for: as in Docker, it is killed when its time is over.
  expect(await ok("stop", "-t", "1", "c1")).toBe("c1");
  expect(await ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Running}}", "c1")).toBe(
    "exited 137 false",
  );
  expect(await ok("ps", "-q")).toBe("");
  expect(await ok("ps", "-aq", "--filter", "exited=137")).toBe(id.slice(0, 12));
  expect(await failure("kill", "c1")).toEqual({
    code: 1,
    error: `Error response from daemon: cannot kill container: c1: container ${id} is not running`,
  });
  expect(await failure("exec", "c1", "true")).toEqual({
    code: 1,
    error: `Error response from daemon: container ${id} is not running`,
  });
  expect(await ok("start", "c1")).toBe("c1");
  expect(await ok("logs", "c1")).toBe("run\nrun");
  expect(await ok("logs", "--tail", "1", "-t", "c1")).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{18}Z run$/);
  expect(await ok("rename", "c1", "c2")).toBe("");
  expect(await ok("ps", "--format", "{{.Names}}", "--filter", "label=a=b")).toBe("c2");
  expect(await failure("inspect", "c1")).toEqual({ code: 1, error: "Error: No such object: c1" });
  expect(await ok("restart", "-t", "0", "c2")).toBe("c2");
  const waiting = docker(["wait", "c2"]);
  expect(await ok("kill", "c2")).toBe("c2");
  expect(await waiting).toMatchObject({ code: 0, stdout: "137\n" });
  expect(await ok("rm", "c2")).toBe("c2");
  expect(await failure("rm", "c2")).toEqual({
    code: 1,
    error: "Error response from daemon: No such container: c2",
  });
});

it("a command that handles SIGTERM ends by it, with its own exit code", async () => {
  await ok(
    "run",
    "-d",
    "--name",
    "polite",
    "host",
    "sh",
    "-c",
    "trap 'exit 9' TERM; while :; do sleep 0.1; done",
  );
  await ok("exec", "polite", "true");
  expect(await ok("stop", "polite")).toBe("polite");
  expect(await ok("inspect", "-f", "{{.State.ExitCode}}", "polite")).toBe("9");
  expect(await ok("rm", "polite")).toBe("polite");
});

it("exec runs beside the command", async () => {
  await ok("run", "-d", "--name", "c3", "-e", "A=first", "--hostname", "boxy", "host", "sleep", "100");
  const script = 'echo $(hostname) "$A" "$B" $(cat /proc/1/comm); exit 4';
  expect(await docker(["exec", "-e", "B=2", "c3", "sh", "-c", script])).toEqual({
    code: 4,
    stdout: "boxy first 2 sleep\n",
    stderr: "",
  });
  expect(await docker(["exec", "-i", "c3", "cat"], "through\n")).toMatchObject({
    code: 0,
    stdout: "through\n",
  });
  expect(await docker(["exec", "c3", "nosuch"])).toMatchObject({
    code: 127,
    stdout: 'exec failed: exec: "nosuch": executable file not found in $PATH\r\n',
  });
  expect(await ok("exec", "-d", "c3", "true")).toBe("");
  expect(await ok("rm", "-f", "c3")).toBe("c3");
});

it("a terminal is the command's own", async () => {
  const line = `${DOCKER} run --rm -it host sh -c "tty; stty size; exit 5"`;
  const { code, stdout } = await runDocker(world, { shell: `script -qec '${line}' /dev/null` });
  expect(code).toBe(5);
  expect(stdout.replaceAll("\0", "").replace("^@", "").split("\r\n")[0]).toMatch(/^\/dev\/pts\/\d+$/);
});

it("published ports lead to it, and are free again when it has ended", async () => {
  await ok("network", "create", "web");
  const server = 'while :; do printf "HTTP/1.0 200 OK\\r\\n\\r\\nserved" | nc -l -p 80 -q 0 >/dev/null; done';
  const flags = ["-d", "--network", "web", "-p", "8080:80", "-p", "127.0.0.1:53:53/udp", "--expose", "99"];
  await ok("run", "--name", "www", ...flags, "host", "sh", "-c", server);
  expect(await ok("port", "www")).toBe(
    ["53/udp -> 127.0.0.1:53", "80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080"].join("\n"),
  );
  expect(await ok("port", "www", "80")).toBe("0.0.0.0:8080\n[::]:8080");
  expect(await ok("ps", "--format", "{{.Ports}}")).toBe(
    "127.0.0.1:53->53/udp, 99/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
  );
  const ask = ["sh", "-c", "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 192.0.2.1 8080"];
  expect(await world.outside.ok(ask)).toContain("served");
  const taken = await failure("run", "--name", "late", "-p", "8080:80", "host", "true");
  expect(taken.code).toBe(125);
  expect(taken.error).toMatch(
    /failed to set up container networking: driver failed programming external connectivity on endpoint late \([0-9a-f]+\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
  );
  expect(await ok("inspect", "-f", "{{.State.Status}}", "late")).toBe("created");
  expect(await ok("stop", "-t", "0", "www")).toBe("www");
  expect(await ok("start", "-a", "late")).toBe("");
  expect(await ok("rm", "-f", "www", "late")).toBe("www\nlate");
  expect(await ok("network", "rm", "web")).toBe("web");
});

it("network settings are those asked for", async () => {
  await ok("network", "create", "--subnet", "10.77.0.0/24", "front");
  await ok("network", "create", "back");
  const flags = [
    "--network",
    "name=front,ip=10.77.0.9,alias=www",
    "--network",
    "back",
    "--add-host",
    "db:10.0.0.1",
  ];
  await ok("run", "-d", "--name", "many", ...flags, "--dns", "192.0.2.53", "host", "sleep", "100");
  const format =
    "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{$v.IPAddress}} {{$v.Aliases}} {{end}}";
  expect(await ok("inspect", "-f", format, "many")).toMatch(
    /^back 172\.\d+\.0\.2 \[\] front 10\.77\.0\.9 \[www\]$/,
  );
  expect(await ok("exec", "many", "sh", "-c", "ip -br -4 addr show | grep -c eth; grep db /etc/hosts")).toBe(
    "2\n10.0.0.1\tdb",
  );
  expect(await ok("run", "--rm", "--network", "front", "host", "getent", "hosts", "www")).toMatch(
    /^10\.77\.0\.9\s/,
  );
  // Who shares a stack has its addresses and files.
  expect(
    await ok(
      "run",
      "--rm",
      "--network",
      "container:many",
      "host",
      "sh",
      "-c",
      "ip -br -4 addr show | grep -c eth; cat /etc/resolv.conf | grep -c 127.0.0.11",
    ),
  ).toBe("2\n1");
  expect(await ok("run", "--rm", "--network", "none", "host", "sh", "-c", "ls /sys/class/net")).toBe("lo");
  expect(await ok("run", "--rm", "--network", "host", "host", "ip", "-br", "link", "show", "wire0")).toMatch(
    /^wire0@/,
  );
  expect(await failure("run", "--rm", "--network", "front", "--ip", "10.77.0.9", "host", "true")).toEqual(
    refused(125, "failed to set up container networking: Address already in use"),
  );
  // Networks of a container that does not run are those of its next start.
  await ok("stop", "-t", "0", "many");
  await ok("network", "disconnect", "back", "many");
  expect(await ok("inspect", "-f", format, "many")).toBe("front  [www]");
  await ok("network", "connect", "bridge", "many");
  await ok("start", "many");
  expect(await ok("inspect", "-f", format, "many")).toMatch(
    /^bridge 172\.17\.0\.\d+ \[\] front 10\.77\.0\.9 \[www\]$/,
  );
  await ok("rm", "-f", "many");
  await ok("network", "rm", "front", "back");
});

it("what netdock made by itself is a container, too", async () => {
  await world.netdockOk("run", "--detach", "--name", "own", "--publish", "9000:90", "--", "sleep", "100");
  expect(await ok("ps", "--format", "{{.Names}} {{.Command}} {{.Ports}}")).toBe(
    'own "sleep 100" 0.0.0.0:9000->90/tcp, [::]:9000->90/tcp',
  );
  expect(await ok("port", "own")).toBe("90/tcp -> 0.0.0.0:9000\n90/tcp -> [::]:9000");
  expect(await ok("exec", "own", "hostname")).toBe(await ok("inspect", "-f", "{{.Config.Hostname}}", "own"));
  expect(await ok("rm", "-f", "own")).toBe("own");
});

it("containers outlive the daemon: logs go on, the exit code is known, and they start again", async () => {
  await world.host.sh("mkfifo /run/word");
  await ok("run", "-d", "--name", "old", "-p", "8081:80", "host", "sh", "-c", "echo up; exec sleep 100");
  await ok(
    "run",
    "-d",
    "--name",
    "brief",
    "host",
    "sh",
    "-c",
    "echo 1; read word < /run/word; echo 2; exit 7",
  );
  await world.stopDaemon("SIGKILL");
  await world.startDaemon();
  expect(await ok("ps", "--format", "{{.Names}} {{.State}}")).toBe("brief running\nold running");
  const waiting = docker(["wait", "brief"]);
  const following = docker(["logs", "-f", "brief"]);
  expect(await ok("exec", "old", "cat", "/proc/1/comm")).toBe("sleep");
  await world.host.sh("echo go > /run/word");
  expect(await waiting).toMatchObject({ code: 0, stdout: "7\n" });
  expect(await following).toMatchObject({ code: 0, stdout: "1\n2\n" });
  expect(await ok("port", "old", "80")).toBe("0.0.0.0:8081\n[::]:8081");
  expect(await ok("stop", "-t", "0", "old")).toBe("old");
  expect(await ok("start", "old")).toBe("old");
  expect(await ok("exec", "old", "cat", "/proc/1/comm")).toBe("sleep");
  expect(await ok("rm", "-f", "old", "brief")).toBe("old\nbrief");
  const left = "ls /run/netdock/netns /run/netdock/sandboxes /var/lib/netdock/containers";
  expect(await world.host.sh(left)).toBe(
    "/run/netdock/netns:\n\n/run/netdock/sandboxes:\n\n/var/lib/netdock/containers:\n",
  );
});
