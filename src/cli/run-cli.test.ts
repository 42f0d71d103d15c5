import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NetError } from "../base/errors.ts";
import { temporaryDirectory } from "../testkit/api-server.ts";
import { type FakeCli, startFakeCli } from "../testkit/fake-cli.ts";
import { COMMANDS } from "./specs/all.ts";

let cli: FakeCli;

beforeEach(async () => {
  cli = await startFakeCli({ env: { MINE: "m" } });
});
afterEach(() => cli[Symbol.asyncDispose]());

/** What the engine was asked, without the calls that only look. */
function asked(): unknown[] {
  return cli.api.engine.calls.filter(
    ([method]) => !/^(networks?|sandbox(es|Files)?|subscribe)$/.test(method),
  );
}

describe("command lines", () => {
  test.each<[string, number, string]>([
    ["netwrk ls", 2, "unknown command 'netwrk', did you mean network?\n  see: netdock --help"],
    ["frobnicate", 2, "unknown command 'frobnicate'\n  see: netdock --help"],
    ["network crate x", 2, "unknown command 'crate', did you mean create?\n  see: netdock --help"],
    ["ps --jsn", 2, "unknown flag '--jsn', did you mean --json?\n  see: netdock ps --help"],
    ["network create", 2, "missing required argument 'NETWORK'\n  see: netdock network create --help"],
    ["logs --tail", 2, "flag '-n, --tail <lines>' argument missing\n  see: netdock logs --help"],
    [
      "logs a b",
      2,
      "too many arguments for 'logs'. Expected 1 argument but got 2: a, b.\n  see: netdock logs --help",
    ],
    ["run --frob x", 125, "unknown flag '--frob'\n  see: netdock run --help"],
    ["exec web", 125, "missing required argument 'COMMAND'\n  see: netdock exec --help"],
    ["stop -t soon web", 2, '--timeout: "soon" is not valid: write a whole number from 0 to 86400'],
    ["stop -s NOPE web", 2, '--signal: "NOPE" is not valid: write a signal like SIGTERM, or its number'],
    ["network ls --filter x", 2, '--filter: "x" is not valid: write key=value like driver=bridge'],
    [
      "network ls --filter drivr=x",
      2,
      '--filter: "drivr=x" is not valid: filters are driver, scope, name, id, label, type, dangling, did you mean "driver"?',
    ],
    ["attach", 2, '--netns: "" is not valid: say which namespace: --netns PATH or --pid N'],
    ["attach --pid 1 --netns /x", 2, '--pid: "1" is not valid: give --netns or --pid, not both'],
    ["completion tcsh", 2, 'SHELL: "tcsh" is not valid: write bash, zsh or fish'],
    [
      "daemon --log-level loud",
      2,
      '--log-level: "loud" is not valid: write one of trace, debug, info, warn, error, fatal, silent',
    ],
    ["logs --tail x web", 2, '--tail: "x" is not valid: write a whole number from 0 to 1000000000'],
  ])("netdock %s", async (line, code, message) => {
    expect(await cli.run(...line.split(" "))).toEqual({ code, stdout: "", stderr: `netdock: ${message}\n` });
    expect(asked()).toEqual([]);
  });

  test.each([["--help"], ["help"], ["network"], ["network", "--help"], []])(
    "netdock %s prints help",
    async (...argv) => {
      const { code, stdout } = await cli.run(...argv);
      expect(stdout).toMatch(/^Usage: netdock/);
      expect(code).toBe(0);
    },
  );

  test.each(COMMANDS.filter(({ hidden }) => hidden !== true).map((spec) => [spec.path, spec] as const))(
    "netdock %s --help shows examples",
    async (path, spec) => {
      const { code, stdout } = await cli.run(...path.split(" "), "--help");
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: netdock ${path}`);
      expect(spec.examples.length).toBeGreaterThan(0);
      for (const [line] of spec.examples) expect(stdout).toContain(`\n  ${line}\n`);
    },
  );

  test("every example is a command line that is understood", async () => {
    const { parseCommandLine } = await import("./program.ts");
    for (const spec of COMMANDS) {
      for (const [line] of spec.examples) {
        const words = /netdock ([^>|)]*)/.exec(line)?.[1]?.trim().split(/\s+/) ?? [];
        const invocation = await parseCommandLine(words, {
          version: "0",
          stdout: { size: () => ({ columns: 80 }) },
        } as never);
        expect(invocation, line).toMatchObject({ kind: "run", spec: { path: spec.path } });
      }
    }
  });

  test("--version", async () => {
    expect(await cli.run("--version")).toEqual({ code: 0, stdout: "0.0.0-test\n", stderr: "" });
    expect((await cli.run("version")).stdout).toMatch(
      /^netdock 0\.0\.0-test\ndaemon 0\.0\.0-test, API \d+, Node v/,
    );
  });

  test.each([
    ["-H", "/a.sock", "ps", "--json"],
    ["ps", "-H", "/a.sock", "--json"],
    ["ps", "--host=/a.sock", "--json"],
  ])("netdock %s %s %s %s: the host may stand anywhere", async (...argv) => {
    expect(await cli.run(...argv)).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
    expect(cli.hosts).toEqual(["/a.sock"]);
  });

  test("without a daemon, an error with a remedy and a code of its own", async () => {
    cli.isDaemonUp = false;
    const { code, stderr } = await cli.run("ps");
    expect(stderr).toMatch(/^netdock: no daemon answers at .*\n {2}start one: netdock daemon\n$/);
    expect(code).toBe(5);
    expect(await cli.run("run", "true")).toMatchObject({ code: 125 });
    expect((await cli.run("version")).stdout).toBe("netdock 0.0.0-test\ndaemon: none answers\n");
  });

  test("a fault of ours is named as such", async () => {
    cli.engine.refuse = () => {
      throw new TypeError("x is not a function");
    };
    const { code, stderr } = await cli.run("network", "create", "a");
    expect(stderr).toMatch(/^netdock: /);
    expect(code).toBe(1);
  });
});

describe("netdock network", () => {
  test.each<[string, object]>([
    ["n", { name: "n", options: {}, labels: {} }],
    [
      "-d macvlan -o parent=eth0 --label a=b --label c n",
      { driver: "macvlan", options: { parent: "eth0" }, labels: { a: "b", c: "" } },
    ],
    ["--internal --ipv6 n", { internal: true, enableIPv6: true }],
    ["--ipv4=false --ipv6=true n", { enableIPv4: false, enableIPv6: true }],
    ["--ipam-driver dhcp --ipam-opt x=y n", { ipam: { driver: "dhcp", options: { x: "y" } } }],
    [
      "--subnet 10.5.0.0/24 --subnet fd00:5::/64 --gateway fd00:5::1 --gateway 10.5.0.1 --ip-range 10.5.0.128/25 --aux-address p=10.5.0.9 --aux-address q=10.5.0.10 n",
      {
        ipam: {
          config: [
            {
              subnet: "10.5.0.0/24",
              gateway: "10.5.0.1",
              ipRange: "10.5.0.128/25",
              auxAddresses: { p: "10.5.0.9", q: "10.5.0.10" },
            },
            { subnet: "fd00:5::/64", gateway: "fd00:5::1" },
          ],
        },
      },
    ],
  ])("create %s", async (line, request) => {
    const { code, stdout } = await cli.run("network", "create", ...line.split(" "));
    expect(asked()).toEqual([["createNetwork", expect.objectContaining(request)]]);
    expect(stdout).toMatch(/^b{48}\d{16}\n$/);
    expect(code).toBe(0);
  });

  test.each<[string, string]>([
    [
      "--subnet 10.5.0.0 n",
      '--subnet: "10.5.0.0" is not valid: write a subnet like 10.5.0.0/24 or fd00:5::/64',
    ],
    ["--gateway 10.5.0.1 n", '--gateway: "10.5.0.1" is not valid: give the --subnet it belongs to as well'],
    [
      "--subnet 10.5.0.0/24 --gateway 10.6.0.1 n",
      '--gateway: "10.6.0.1" is not valid: it must lie in one of the subnets (10.5.0.0/24)',
    ],
    ["--subnet 10.5.0.0/24 --gateway x n", '--gateway: "x" is not valid: write an IP address'],
    [
      "--subnet 10.5.0.0/24 --gateway 10.5.0.1 --gateway 10.5.0.2 n",
      '--gateway: "10.5.0.2" is not valid: 10.5.0.0/24 has one already: 10.5.0.1',
    ],
    [
      "--subnet 10.5.0.0/24 --ip-range 10.6.0.0/25 n",
      '--ip-range: "10.6.0.0/25" is not valid: it must lie in one of the subnets (10.5.0.0/24)',
    ],
    [
      "--subnet 10.5.0.0/24 --aux-address 10.5.0.9 n",
      '--aux-address: "10.5.0.9" is not valid: write name=address like printer=10.5.0.9',
    ],
  ])("create %s is refused", async (line, message) => {
    expect(await cli.run("network", "create", ...line.split(" "))).toEqual({
      code: 2,
      stdout: "",
      stderr: `netdock: ${message}\n`,
    });
    expect(asked()).toEqual([]);
  });

  test("ls, with filters", async () => {
    await cli.run("network", "create", "--label", "team=a", "mine");
    await cli.run("run", "-d", "--network", "mine", "x");
    const names = async (...filters: string[]): Promise<unknown> =>
      (
        JSON.parse(
          (await cli.run("network", "ls", "--json", ...filters.flatMap((f) => ["-f", f]))).stdout,
        ) as { name: string }[]
      ).map(({ name }) => name);
    expect(await names()).toEqual(["bridge", "host", "mine", "none"]);
    expect(await names("type=custom")).toEqual(["mine"]);
    expect(await names("driver=host", "driver=none")).toEqual(["host", "none"]);
    expect(await names("label=team=a")).toEqual(["mine"]);
    expect(await names("label=team", "name=nope")).toEqual([]);
    expect(await names("dangling=true")).toEqual([]);
    expect((await cli.run("network", "ls", "-q", "--no-trunc", "-f", "name=mine")).stdout).toMatch(
      /^b{48}\d{16}\n$/,
    );
    const table = (await cli.run("network", "ls")).stdout.split("\n").map((line) => line.split(/ {2,}/)[1]);
    expect(table).toEqual(["NAME", "bridge", "host", "mine", "none", undefined]);
  });

  test("rm goes on after a failure, whose code it returns", async () => {
    await cli.run("network", "create", "a");
    await cli.run("network", "create", "b");
    expect(await cli.run("network", "rm", "a", "nope", "b")).toEqual({
      code: 3,
      stdout: "a\nb\n",
      stderr: "netdock: network nope does not exist\n",
    });
    expect(await cli.run("network", "rm", "-f", "nope")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("connect and disconnect", async () => {
    const line =
      "--ip 10.5.0.9 --ip6 fd00::9 --alias a --alias b --link db:store --mac-address 02:00:00:00:00:01 --gw-priority -1 --ifname eth9 --driver-opt k=v mine web";
    expect((await cli.run("network", "connect", ...line.split(" "))).code).toBe(0);
    expect((await cli.run("network", "disconnect", "-f", "mine", "web")).code).toBe(0);
    expect(asked()).toEqual([
      [
        "connect",
        "web",
        {
          network: "mine",
          aliases: ["a", "b"],
          links: ["db:store"],
          ipv4: "10.5.0.9",
          ipv6: "fd00::9",
          mac: "02:00:00:00:00:01",
          gwPriority: -1,
          interfaceName: "eth9",
          options: { k: "v" },
        },
      ],
      ["disconnect", "web", "mine"],
    ]);
  });

  test("cut and heal", async () => {
    expect((await cli.run("network", "cut", "back", "web")).code).toBe(0);
    expect((await cli.run("network", "heal", "back", "web")).code).toBe(0);
    expect(asked()).toEqual([
      ["setLink", "web", "back", { connected: false }],
      ["setLink", "web", "back", { connected: true }],
    ]);
  });

  test("prune prints what it removed", async () => {
    expect(await cli.run("network", "prune", "-f")).toEqual({ code: 0, stdout: "backend\n", stderr: "" });
  });
});

describe("netdock run", () => {
  test.each<[string, object]>([
    [
      "-d x",
      {
        publish: [],
        process: { command: ["x"], env: ["PATH=/usr/bin:/bin", "HOME=/root"], workingDir: "/work" },
      },
    ],
    [
      "-d --name n -h host --domainname d --rm x -d --name y",
      {
        name: "n",
        hostname: "host",
        domainname: "d",
        autoRemove: true,
        process: { command: ["x", "-d", "--name", "y"] },
      },
    ],
    ["-d -- x -y", { process: { command: ["x", "-y"] } }],
    ["-d -P --expose 80 --expose 53/udp x", { expose: ["80", "53/udp"], publishAll: true }],
    ["-dit -p 8080:80 -p 127.0.0.1:1-2:3-4/udp x", { publish: ["8080:80", "127.0.0.1:1-2:3-4/udp"] }],
    [
      "-d -e A=b -e MINE -e NONE -w sub x",
      { process: { env: ["PATH=/usr/bin:/bin", "HOME=/root", "A=b", "MINE=m"], workingDir: "/work/sub" } },
    ],
    [
      "-d --dns 9.9.9.9 --dns-search a.test --dns-option ndots:1 x",
      { dns: { servers: ["9.9.9.9"], search: ["a.test"], options: ["ndots:1"] } },
    ],
    [
      "-d --add-host a:1.2.3.4 --add-host b=[::1] --sysctl net.core.somaxconn=9 -l k=v x",
      { extraHosts: ["a:1.2.3.4", "b:::1"], sysctls: { "net.core.somaxconn": "9" }, labels: { k: "v" } },
    ],
    ["-d --network bridge --network host x", { networks: [{ network: "bridge" }, { network: "host" }] }],
    [
      "-d --network-alias w --ip 10.0.0.9 x",
      { networks: [{ network: "bridge", aliases: ["w"], ipv4: "10.0.0.9" }] },
    ],
    [
      "-d --network name=bridge,alias=a,alias=b,ip=10.0.0.9,ip6=fd00::9,mac-address=02:00:00:00:00:01,gw-priority=2,ifname=eth9,driver-opt=k=v --network host x",
      {
        networks: [
          {
            network: "bridge",
            aliases: ["a", "b"],
            ipv4: "10.0.0.9",
            ipv6: "fd00::9",
            mac: "02:00:00:00:00:01",
            gwPriority: 2,
            interfaceName: "eth9",
            options: { k: "v" },
          },
          { network: "host" },
        ],
      },
    ],
    [
      '-d --network name=bridge,"driver-opt=k=a,b" x',
      { networks: [{ network: "bridge", options: { k: "a,b" } }] },
    ],
  ])("%s", async (line, request) => {
    const { code, stdout, stderr } = await cli.run("run", ...line.split(" "));
    expect(stderr).toBe("");
    expect(asked()).toMatchObject([["createSandbox", request]]);
    expect(stdout).toMatch(/^c{48}\d{16}\n$/);
    expect(code).toBe(0);
  });

  test.each<[string, string]>([
    [
      "--network name=a,ipp=1 x",
      '--network: "name=a,ipp=1" is not valid: keys are name, alias, link, ip, ip6, link-local-ip, mac-address, gw-priority, ifname, driver-opt, not "ipp", did you mean "ip"?',
    ],
    ["--network alias=a x", '--network: "alias=a" is not valid: the long form needs name=NETWORK'],
    ["--network name=a,ip= x", '--network: "name=a,ip=" is not valid: ip needs a value: ip=…'],
    [
      "--network name=a,gw-priority=high x",
      '--network gw-priority: "high" is not valid: write a whole number from -2147483648 to 2147483647',
    ],
    [
      "--network name=a,ip=10.0.0.9 --ip 10.0.0.8 x",
      '--network: "a" is not valid: --ip says this as well: keep one',
    ],
    ["--sysctl net.x x", '--sysctl: "net.x" is not valid: write a setting like net.ipv4.ip_forward=1'],
    ["--add-host db x", '--add-host: "db" is not valid: write name:address like db:10.5.0.9'],
    ["-e =x x", '--env: "=x" is not valid: write NAME=value, or a NAME to take your own value'],
  ])("%s is refused", async (line, message) => {
    expect(await cli.run("run", ...line.split(" "))).toEqual({
      code: 125,
      stdout: "",
      stderr: `netdock: ${message}\n`,
    });
    expect(asked()).toEqual([]);
  });

  test("env and label files", async () => {
    using folder = temporaryDirectory();
    const env = join(folder.path, "env");
    writeFileSync(env, "A='1' # raw\nMINE\n");
    writeFileSync(join(folder.path, "labels"), "k=v\nonly\n");
    await cli.run("run", "-d", "--env-file", env, "--label-file", join(folder.path, "labels"), "x");
    const [, request] = asked()[0] as [string, object];
    expect(request).toMatchObject({
      labels: { k: "v", only: "" },
      process: { env: ["PATH=/usr/bin:/bin", "HOME=/root", "A='1' # raw", "MINE=m"] },
    });
    const { code, stderr } = await cli.run("run", "--env-file", "/nope", "x");
    expect(stderr).toMatch(/^netdock: --env-file: "\/nope" is not valid: it cannot be read \(ENOENT/);
    expect(code).toBe(125);
  });

  test("in the foreground: made, started, adopted, reported, kept, with the command's exit code", async () => {
    cli.spawn = async () => 42;
    const { code, stdout, stderr } = await cli.run("run", "--name", "web", "sh", "-c", "exit 42");
    expect({ code, stdout, stderr }).toEqual({ code: 42, stdout: "", stderr: "" });
    expect(cli.spawns).toMatchObject([
      {
        process: { command: ["sh", "-c", "exit 42"] },
        hostname: "web",
        netnsPath: "/run/netdock/netns/web",
        files: { hosts: "/r/hosts", hostname: "/r/hostname", resolvConf: "/r/resolv.conf" },
        stdio: { kind: "inherit" },
      },
    ]);
    expect(asked()).toEqual([
      ["createSandbox", expect.not.objectContaining({ process: expect.anything() as unknown })],
      ["adoptProcess", expect.any(String), expect.objectContaining({ pid: 501 })],
      ["reportExit", expect.any(String), 42],
    ]);
    expect([...cli.engine.sandboxes.values()]).toMatchObject([
      { name: "web", state: "exited", status: { exitCode: 42 } },
    ]);
  });

  test("--rm leaves nothing", async () => {
    expect((await cli.run("run", "--rm", "x")).code).toBe(0);
    expect(cli.engine.sandboxes.size).toBe(0);
  });

  test.each([
    ["ENOENT", 127],
    [undefined, 126],
  ])("a command that cannot start (%s) is %d and leaves nothing", async (errno, expected) => {
    cli.spawn = () => {
      const message = 'command: "nope" cannot be started';
      throw new NetError("invalid", "process.start", {
        message,
        field: "command",
        ...(errno === undefined ? {} : { errno }),
      });
    };
    expect(await cli.run("run", "nope")).toEqual({
      code: expected,
      stdout: "",
      stderr: 'netdock: command: "nope" cannot be started\n',
    });
    expect(cli.engine.sandboxes.size).toBe(0);
  });

  test("a refusal of the daemon is 125", async () => {
    await cli.run("run", "-d", "--name", "web", "x");
    expect(await cli.run("run", "--name", "web", "x")).toMatchObject({
      code: 125,
      stderr: "netdock: sandbox web exists already\n",
    });
  });

  test.each([
    [false, ["SIGINT", "SIGTERM", "SIGHUP"]],
    // A terminal sends SIGINT to the command as well: not twice.
    [true, ["SIGTERM", "SIGHUP"]],
  ])("signals reach the command (terminal: %s), and clean-up still happens", async (isTty, sent) => {
    await using tty = await startFakeCli({ isTty });
    const running = Promise.withResolvers<number>();
    const started = Promise.withResolvers<void>();
    tty.spawn = () => {
      started.resolve();
      return running.promise;
    };
    const run = tty.run("run", "--rm", "sleep", "9");
    await started.promise;
    await tty.settled("adoptProcess");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) expect(tty.signal(signal)).toBe(true);
    expect(tty.kills).toEqual(sent.map((signal) => [501, signal]));
    running.resolve(143);
    expect((await run).code).toBe(143);
    expect(tty.engine.sandboxes.size).toBe(0);
    expect(tty.signal("SIGTERM")).toBe(false);
  });
});

describe("netdock exec", () => {
  beforeEach(() => cli.run("run", "-d", "--name", "web", "x"));

  test.each([
    [["web", "sh", "-c", "x"]],
    [["web", "--", "sh", "-c", "x"]],
    [["-e", "A=b", "-w", "/tmp", "-it", "web", "sh", "-c", "x"]],
  ])("exec %j", async (argv) => {
    cli.spawn = async () => 7;
    expect(await cli.run("exec", ...argv)).toEqual({ code: 7, stdout: "", stderr: "" });
    expect(cli.spawns).toMatchObject([
      { process: { command: ["sh", "-c", "x"] }, netnsPath: "/run/netdock/netns/web" },
    ]);
  });

  test("in a sandbox that is none", async () => {
    expect(await cli.run("exec", "nope", "x")).toEqual({
      code: 125,
      stdout: "",
      stderr: "netdock: sandbox nope does not exist\n",
    });
  });
});

describe("sandboxes", () => {
  test("attach adopts a namespace", async () => {
    const { code, stdout } = await cli.run(
      "attach",
      "--netns",
      "ns/blue",
      "--name",
      "blue",
      "--network",
      "bridge",
      "-p",
      "80:80",
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^c{48}\d{16}\n$/) as string });
    expect(asked()).toEqual([
      [
        "createSandbox",
        expect.objectContaining({
          name: "blue",
          netns: { path: "/work/ns/blue" },
          networks: [{ network: "bridge" }],
          publish: ["80:80"],
        }),
      ],
    ]);
    await cli.run("attach", "--pid", "1", "--json");
    expect(asked()[1]).toEqual(["createSandbox", expect.objectContaining({ netns: { pid: 1 } })]);
  });

  test("ps hides what has ended unless asked", async () => {
    await cli.run("run", "-d", "--name", "web", "-p", "8080:80", "-p", "8443:443/udp", "sleep", "a b");
    await cli.run("run", "--name", "done", "x");
    const { stdout } = await cli.run("ps");
    const lines = stdout
      .split("\n")
      .map((line) => line.replaceAll(/\b(50{4}|50000)\d+\b/g, "PID").split(/ {2,}/));
    expect(lines[0]).toEqual(["SANDBOX ID", "NAME", "STATE", "PID", "COMMAND", "NETWORKS", "PORTS"]);
    expect(lines[1]?.slice(1)).toEqual([
      "web",
      "running",
      "PID",
      "sleep 'a b'",
      expect.stringMatching(/^bridge 10\./),
      "8080→80/tcp",
    ]);
    expect(lines[2]).toEqual(["", "8443→443/udp"]);
    const names = async (...argv: string[]): Promise<unknown> =>
      (JSON.parse((await cli.run("ps", "--json", ...argv)).stdout) as { name: string }[]).map(
        ({ name }) => name,
      );
    expect(await names()).toEqual(["web"]);
    expect(await names("-a")).toEqual(["web", "done"]);
    expect(await names("-f", "state=exited")).toEqual(["done"]);
    expect(await names("-a", "-f", "network=bridge", "-f", "name=we")).toEqual(["web"]);
    expect((await cli.run("ps", "-q")).stdout).toBe("cccccccccccc\n");
  });

  test("ps --json has what programs need", async () => {
    await cli.run("run", "-d", "--name", "web", "-p", "8080:80", "x");
    expect(JSON.parse((await cli.run("ps", "--json")).stdout)).toEqual([
      {
        id: expect.stringMatching(/^c{48}/) as string,
        name: "web",
        state: "running",
        pid: expect.any(Number) as number,
        exitCode: null,
        command: ["x"],
        hostname: "web",
        created: "2026-01-31T12:00:00.000Z",
        netns: "/run/netdock/netns/web",
        networks: [
          {
            name: "bridge",
            ipv4: expect.stringMatching(/^10\./) as string,
            ipv6: null,
            mac: null,
            interface: null,
            aliases: [],
          },
        ],
        ports: [{ hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp", count: 1 }],
        labels: {},
      },
    ]);
  });

  test("inspect finds sandboxes, then networks, and reports what is neither", async () => {
    await cli.run("run", "-d", "--name", "web", "x");
    const { code, stdout, stderr } = await cli.run("inspect", "web", "bridge", "nope");
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "web", endpoints: [{ networkName: "bridge" }] },
      { name: "bridge" },
    ]);
    expect(stderr).toBe('netdock: there is no sandbox or network "nope"\n');
    expect(code).toBe(3);
    expect((await cli.run("inspect", "--type", "network", "web")).stderr).toBe(
      'netdock: there is no network "web"\n',
    );
    expect((await cli.run("network", "inspect", "bridge")).code).toBe(0);
  });

  test("stop and rm", async () => {
    await cli.run("run", "-d", "--name", "web", "x");
    expect(await cli.run("rm", "web")).toEqual({
      code: 4,
      stdout: "",
      stderr: "netdock: web runs\n  use --force\n",
    });
    expect(await cli.run("stop", "-t", "2", "-s", "int", "web")).toEqual({
      code: 0,
      stdout: "web\n",
      stderr: "",
    });
    expect(cli.api.engine.calls.at(-1)).toEqual(["stopProcess", "web", { timeoutSeconds: 2, signal: 2 }]);
    expect(await cli.run("rm", "web", "gone")).toMatchObject({ code: 3, stdout: "web\n" });
    expect(await cli.run("rm", "-f", "gone")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("logs", async () => {
    await cli.run("run", "-d", "--name", "web", "x");
    writeFileSync(cli.engine.log, "one\ntwo\nthree\n");
    expect(await cli.run("logs", "web")).toEqual({ code: 0, stdout: "one\ntwo\nthree\n", stderr: "" });
    expect((await cli.run("logs", "-n", "1", "web")).stdout).toBe("three\n");
    expect((await cli.run("logs", "--tail", "all", "web")).stdout).toBe("one\ntwo\nthree\n");
    const following = cli.run("logs", "-f", "web");
    await cli.printed("three");
    expect(cli.signal("SIGINT")).toBe(true);
    expect(await following).toEqual({ code: 0, stdout: "one\ntwo\nthree\n", stderr: "" });
  });
});

describe("the daemon", () => {
  test("daemon runs it with what was said", async () => {
    await cli.run("daemon");
    await cli.run(
      "daemon",
      "--socket",
      "/s",
      "--state-dir",
      "/a",
      "--run-dir",
      "/b",
      "--log-level",
      "debug",
      "--auto-started",
    );
    await cli.run("-H", "unix:///h.sock", "daemon");
    expect(cli.daemonRuns).toEqual([
      { autoStarted: false },
      { socket: "/s", stateDir: "/a", runDir: "/b", logLevel: "debug", autoStarted: true },
      { socket: "/h.sock", autoStarted: false },
    ]);
  });

  test("events come as they happen, until Ctrl-C", async () => {
    const events = cli.run("events", "--since", "0");
    await cli.run("run", "-d", "--name", "web", "x");
    await cli.printed("sandbox start");
    cli.signal("SIGINT");
    const { code, stdout } = await events;
    expect(stdout).toMatch(/^2026-01-31T12:00:00\.000Z sandbox start c{12}\n$/);
    expect(code).toBe(0);
    const json = cli.run("events", "--since", "0", "--json");
    await cli.printed('"action":"start"');
    cli.signal("SIGTERM");
    expect(JSON.parse((await json).stdout)).toMatchObject({ seq: 1, action: "start" });
  });

  test("doctor says where what is dropped, and the command that allows it; a problem is 1, a warning is not", async () => {
    expect(await cli.run("doctor")).toEqual({
      code: 0,
      stdout: "nothing found: all of 4 ways through the host's filters are open\n",
      stderr: "",
    });
    cli.engine.findings = [
      {
        severity: "problem",
        check: "filter",
        text: "rule 7 of chain FORWARD of table ip filter drops",
        filter: { family: "ip", table: "filter", chain: "FORWARD", handle: "7", rule: 'iifname "nd-*" drop' },
        affects: ["network red: IPv4 that leaves by eth0"],
        remedy: "iptables -I FORWARD -i nd-1 -j ACCEPT",
      },
    ];
    expect(await cli.run("doctor")).toEqual({
      code: 1,
      stdout: `problem: rule 7 of chain FORWARD of table ip filter drops
  rule:    iifname "nd-*" drop
  affects: network red: IPv4 that leaves by eth0
  allow:   iptables -I FORWARD -i nd-1 -j ACCEPT
`,
      stderr: "",
    });
    cli.engine.findings = [
      { severity: "warning", check: "kernel", text: "this kernel lacks SCTP", affects: [] },
    ];
    expect(await cli.run("doctor")).toMatchObject({ code: 0, stdout: "warning: this kernel lacks SCTP\n" });
    expect(JSON.parse((await cli.run("doctor", "--json")).stdout)).toMatchObject({ flows: 4 });
  });

  test("reconcile says what differed; a dry run that finds something is 1", async () => {
    expect(await cli.run("reconcile")).toEqual({
      code: 0,
      stdout: "everything is as it should be\n",
      stderr: "",
    });
    cli.engine.differences = [{ text: "link br-1 is missing", subject: "br-1" }];
    expect(await cli.run("reconcile", "--dry-run")).toEqual({
      code: 1,
      stdout: "SUBJECT   DIFFERS\nbr-1      link br-1 is missing\n",
      stderr: "",
    });
    expect(await cli.run("reconcile")).toEqual({
      code: 0,
      stdout: "SUBJECT   REPAIRED\nbr-1      link br-1 is missing\n",
      stderr: "",
    });
    expect(JSON.parse((await cli.run("reconcile", "--json")).stdout)).toMatchObject({ repaired: true });
  });
});
