import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COUNT_PROCESSES, type Machine, type Outcome, ROOT, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const LAUNCHER = join(ROOT, "netdock");

/** What netdock may have left on a machine, looked for without netdock. */
async function leftovers(machine: Machine): Promise<unknown> {
  const links = JSON.parse(await machine.ok(["ip", "-j", "link"])) as { ifname: string }[];
  return {
    links: links.map((l) => l.ifname).toSorted(),
    tables: await machine.sh("nft list tables"),
    mounts: await machine.sh("grep -c ' /run/netdock/' /proc/self/mountinfo || true"),
    pins: await machine.sh("ls /run/netdock/netns 2>/dev/null || true"),
    processes: await machine.sh(COUNT_PROCESSES),
  };
}

describe("netdock up", () => {
  test("brings up an ordinary Compose file, and down leaves nothing, with no network tool in PATH", async () => {
    // Only what the launcher, the example's commands and the C library's own tools need.
    const bin = join(world.scratch, "bin");
    mkdirSync(bin);
    for (const tool of [
      "sh",
      "dirname",
      "readlink",
      "uname",
      "mkdir",
      "rmdir",
      "env",
      "id",
      "cat",
      "sleep",
    ]) {
      symlinkSync((await world.host.sh(`command -v ${tool}`)).trim(), join(bin, tool));
    }
    symlinkSync(process.execPath, join(bin, "node"));
    const launcher = ["/usr/bin/env", `PATH=${bin}`, LAUNCHER];
    const before = await leftovers(world.host);
    const up = await world.host.run([...launcher, "up", "examples/shop.yaml"]);
    expect(up.stderr + up.stdout).toContain("shop-web-1");
    expect(up.code).toBe(0);

    const page = await world.host.run(["curl", "-s", "http://127.0.0.1:8080/status"]);
    const status = JSON.parse(page.stdout) as Record<string, string>;
    expect(status["api"]).toBe("reached");
    expect(status["store by address"]).toContain("no answer");
    const outside = await world.outside.run(["curl", "-s", "http://192.0.2.1:8080/"]);
    expect(outside.stdout).toContain("The shop has:");

    const again = await world.host.run([...launcher, "up", "examples/shop.yaml", "--json"]);
    expect(again.code).toBe(0);
    const ps = JSON.parse((await world.netdock(["ps", "--json"])).stdout) as {
      name: string;
      state: string;
    }[];
    expect(ps.map((s) => `${s.name} ${s.state}`).toSorted()).toEqual([
      "shop-api-1 running",
      "shop-store-1 running",
      "shop-web-1 running",
    ]);

    const down = await world.host.run([...launcher, "down", "examples/shop.yaml"]);
    expect(down.code).toBe(0);
    expect(await leftovers(world.host)).toEqual(before);
    // Again, with nothing there.
    expect((await world.host.run([...launcher, "down", "examples/shop.yaml"])).code).toBe(0);
  });

  test("brings up fifty replicas in one go, all behind one name", async () => {
    const before = await leftovers(world.host);
    expect((await world.netdock(["up", "examples/scale.yaml"])).code).toBe(0);
    const rows = JSON.parse(await world.netdockOk("ps", "--json")) as unknown[];
    expect(rows).toHaveLength(50);
    const { stdout } = await world.exec("scale-node-1", ["dig", "+short", "+tcp", "node"]);
    expect(new Set(stdout.trim().split("\n")).size).toBe(50);
    expect((await world.netdock(["down", "examples/scale.yaml"])).code).toBe(0);
    expect(await leftovers(world.host)).toEqual(before);
  });

  test("touches only services that changed", async () => {
    const file = join(world.scratch, "compose.yaml");
    const write = (count: number): void =>
      writeFileSync(
        file,
        `name: diff\nservices:\n  a:\n    command: sleep infinity\n  b:\n    command: sleep ${count}\n`,
      );
    const pids = async (): Promise<Record<string, number>> => {
      const rows = JSON.parse(await world.netdockOk("ps", "--json")) as { name: string; pid: number }[];
      return Object.fromEntries(rows.map((r) => [r.name, r.pid]));
    };
    write(1000);
    expect((await world.netdock(["up", file])).code).toBe(0);
    const first = await pids();
    expect((await world.netdock(["up", file])).code).toBe(0);
    expect(await pids()).toEqual(first);
    write(2000);
    expect((await world.netdock(["up", file])).code).toBe(0);
    const second = await pids();
    expect(second["diff-a-1"]).toBe(first["diff-a-1"]);
    expect(second["diff-b-1"]).not.toBe(first["diff-b-1"]);
    expect((await world.netdock(["down", file])).code).toBe(0);
  });

  test.each([
    ["services:\n  web:\n    command: sleep 1\n    ports: 8080\n", "services.web.ports"],
    ["services:\n  web:\n    command: sleep 1\n    networks: [nowhere]\n", "nowhere"],
    ["services:\n  web:\n    image: nginx\n", "image"],
    ["services:\n  web:\n    command: sleep 1\n    prots: ['80']\n", "ports"],
    ["services: [\n", "compose.yaml"],
    [
      "services:\n  web:\n    command: sleep 1\nnetworks:\n  default:\n    ipam:\n      config: [{subnet: 10.0.0.1/24}]\n",
      "10.0.0.0/24",
    ],
  ])("refuses %j in words, and changes nothing", async (text, words) => {
    const file = join(world.scratch, "compose.yaml");
    writeFileSync(file, text);
    const before = await leftovers(world.host);
    const refused = await world.netdock(["up", file]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(words);
    expect(refused.stderr).not.toMatch(/\n\s+at /);
    expect((await world.netdock(["down", file, "-p", "x"])).code).toBe(0);
    expect(await leftovers(world.host)).toEqual(before);
  });
});

describe("bad input", () => {
  beforeAll(async () => {
    await world.startDaemon();
    await world.netdockOk("network", "create", "--subnet", "10.77.0.0/24", "taken");
    await world.netdockOk(
      "run",
      "-d",
      "--name",
      "holder",
      "--network",
      "name=taken,ip=10.77.0.7",
      "--",
      "sleep",
      "1000",
    );
  });

  const list = async (): Promise<string> =>
    (await world.netdockOk("network", "ls", "--json")) + (await world.netdockOk("ps", "-a", "--json"));

  test.each<[readonly string[], readonly string[]]>([
    [
      ["network", "create", "--subnet", "10.77.0.0/16", "n"],
      ["10.77.0.0/16", "overlap", "taken"],
    ],
    [
      ["network", "create", "--subnet", "10.78.0.1/24", "n"],
      ["10.78.0.1/24", "10.78.0.0/24"],
    ],
    [
      ["network", "create", "--subnet", "banana", "n"],
      ["banana", "10.5.0.0/24"],
    ],
    [
      ["network", "create", "--subnet", "10.78.0.0/24", "--gateway", "10.79.0.1", "n"],
      ["gateway", "10.79.0.1"],
    ],
    [["network", "create", "taken"], ["network with name taken already exists"]],
    [
      ["network", "create", "-d", "warp", "n"],
      ["warp", "bridge"],
    ],
    [["network", "create", "-o", "com.docker.network.bridge.nam=x", "n"], ["com.docker.network.bridge.nam"]],
    [
      ["network", "create", "-o", "com.docker.network.bridge.name=much-too-long-name", "n"],
      ["much-too-long-name", "15"],
    ],
    [
      ["network", "create", "-o", "com.docker.network.driver.mtu=tiny", "n"],
      ["tiny", "mtu"],
    ],
    [["run", "-d", "--network", "name=taken,ip=10.77.0.7", "--", "sleep", "9"], ["10.77.0.7"]],
    [
      ["run", "-d", "--network", "name=taken,ip=10.99.0.7", "--", "sleep", "9"],
      ["10.99.0.7", "10.77.0.0/24"],
    ],
    [
      ["run", "-d", "--name", "holder", "--", "sleep", "9"],
      ["holder", "already in use"],
    ],
    [
      ["run", "-d", "--network", "nowhere", "--", "sleep", "9"],
      ["nowhere", "not found"],
    ],
    [
      ["run", "-d", "-p", "99999:80", "--", "sleep", "9"],
      ["99999:80", "65535"],
    ],
    [["run", "-d", "--", "no-such-command"], ["no-such-command"]],
    [
      ["attach", "--netns", "/etc/passwd"],
      ["/etc/passwd", "network namespace"],
    ],
    [["attach", "--pid", "4194000"], ["4194000"]],
    [["network", "connect", "taken", "holder"], ["already exists in network taken"]],
    [
      ["network", "rm", "taken"],
      ["active endpoints", "holder"],
    ],
    [["network", "rm", "bridge"], ["pre-defined"]],
  ])("netdock %j: one clear error, nothing changed", async (args, words) => {
    const before = await list();
    const pins = await world.host.sh("ls /run/netdock/netns; ip -br link | wc -l");
    const refused: Outcome = await world.netdock(args);
    expect(refused.code).toBeGreaterThan(0);
    for (const word of words) expect(refused.stderr).toContain(word);
    expect(refused.stderr).not.toMatch(/\n\s+at /);
    expect(await list()).toBe(before);
    expect(await world.host.sh("ls /run/netdock/netns; ip -br link | wc -l")).toBe(pins);
  });

  test("a truncated body is refused", async () => {
    const socket = "/run/netdock/netdock.sock";
    const request =
      'POST /netdock/v1/networks HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nContent-Length: 15\\r\\nConnection: close\\r\\n\\r\\n{"name":"half",';
    const { stdout } = await world.host.run(["sh", "-c", `printf '${request}' | nc -N -U ${socket}`]);
    expect(stdout).toMatch(/^HTTP\/1\.1 400 /);
    expect(stdout).toContain("JSON");
    expect((await world.netdock(["network", "inspect", "half"])).code).not.toBe(0);
  });
});

describe("names", () => {
  test("dig and getent: names, aliases, PTR, TCP, and what is not ours goes upstream", async () => {
    await world.netdockOk("network", "create", "zone");
    await world.netdockOk(
      "run",
      "-d",
      "--name",
      "one",
      "--network",
      "name=zone,alias=uno",
      "--",
      "sleep",
      "1000",
    );
    await world.netdockOk(
      "run",
      "-d",
      "--name",
      "two",
      "--hostname",
      "zwei",
      "--network",
      "zone",
      "--",
      "sleep",
      "1000",
    );
    const ip = (await world.exec("two", ["dig", "+short", "one"])).stdout.trim();
    expect(ip).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    for (const name of ["uno", "ONE", "one.zone", "one."]) {
      expect((await world.exec("two", ["dig", "+short", name])).stdout.trim(), name).toBe(ip);
    }
    expect((await world.exec("two", ["dig", "+short", "+tcp", "one"])).stdout.trim()).toBe(ip);
    expect((await world.exec("two", ["dig", "+short", "-x", ip])).stdout.trim()).toBe("one.zone.");
    expect((await world.exec("one", ["getent", "hosts", "zwei"])).code).toBe(0);
    expect((await world.exec("two", ["dig", "one", "AAAA"])).stdout).toContain("status: NOERROR");
    // The machine's resolver answers nothing: a name that is not ours is its failure, told as such.
    expect((await world.exec("two", ["dig", "+tries=1", "example.org"])).stdout).toContain(
      "status: SERVFAIL",
    );
    expect((await world.exec("two", ["cat", "/etc/resolv.conf"])).stdout).toContain("nameserver 127.0.0.11");
    expect((await world.exec("two", ["hostname"])).stdout).toBe("zwei\n");
  });

  test("a sandbox may have its own server on port 53", async () => {
    const { code } = await world.exec("one", ["sh", "-c", "timeout 1 nc -l -p 53; test $? = 124"]);
    expect(code).toBe(0);
  });
});

describe("the daemon", () => {
  beforeAll(async () => {
    // Tests before this one leave theirs running; alone, there is none yet.
    if ((await world.netdock(["ps"])).code === 5) await world.startDaemon();
    await world.netdockOk("network", "create", "steady");
    await world.netdockOk("run", "-d", "--name", "anchor", "--network", "steady", "--", "sleep", "1000");
  });

  test("ends and comes back while sandboxes run: traffic, ports and names go on", async () => {
    await world.netdockOk(
      "run",
      "-d",
      "--name",
      "long",
      "--network",
      "steady",
      "-p",
      "8600:80",
      "--",
      "sleep",
      "1000",
    );
    await world.stopDaemon("SIGKILL");
    expect((await world.netdock(["ps"])).code).toBe(5);
    await world.startDaemon();
    const report = JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json")) as {
      differences: unknown[];
    };
    expect(report.differences).toEqual([]);
    const row = (JSON.parse(await world.netdockOk("ps", "--json")) as { name: string; state: string }[]).find(
      (r) => r.name === "long",
    );
    expect(row).toMatchObject({ state: "running" });
    expect((await world.exec("long", ["dig", "+short", "anchor"])).stdout).toMatch(/^\d/);
    expect((await world.netdock(["run", "-d", "-p", "8600:80", "--", "sleep", "9"])).stderr).toContain(
      "sandbox long",
    );
  });

  test("run in the foreground passes output, input and the exit code through", async () => {
    const done = await world.netdock(["run", "--rm", "-i", "--", "sh", "-c", "read x; echo got $x; exit 7"], {
      input: "hello\n",
    });
    expect(done).toMatchObject({ code: 7, stdout: "got hello\n" });
    expect((await world.netdock(["run", "--rm", "--", "no-such-command"])).code).toBe(127);
    const rows = JSON.parse(await world.netdockOk("ps", "-a", "--json")) as { state: string }[];
    expect(rows.filter((r) => r.state === "exited")).toEqual([]);
  });

  test("attach adopts a namespace and leaves it as it was", async () => {
    await world.host.sh("ip netns add foreign");
    await world.netdockOk(
      "attach",
      "--netns",
      "/run/netns/foreign",
      "--name",
      "guest",
      "--network",
      "steady",
    );
    const addresses = await world.host.sh("ip -n foreign -br addr show eth0");
    expect(addresses).toMatch(/UP/);
    expect(
      (await world.host.run(["ip", "netns", "exec", "foreign", "ping", "-c1", "-W1", "192.0.2.2"])).code,
    ).toBe(0);
    await world.netdockOk("rm", "-f", "guest");
    expect(await world.host.sh("ip -n foreign -br link")).not.toContain("eth0");
    await world.host.sh("ip netns del foreign");
  });

  test("events tell what happens, as it happens", async () => {
    const events = world.host.spawn([
      process.execPath,
      join(ROOT, "src/app/main.ts"),
      "events",
      "--since",
      "0",
      "--json",
    ]);
    try {
      let text = "";
      const seen = new Promise<void>((resolve) => {
        events.stdout?.on("data", (piece: Buffer) => {
          text += piece.toString();
          if (text.includes('"told"') && text.includes("destroy")) resolve();
        });
      });
      await world.netdockOk("network", "create", "told");
      await world.netdockOk("network", "rm", "told");
      await seen;
      const actions = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { action: string; attributes: { name?: string } })
        .filter((e) => e.attributes.name === "told")
        .map((e) => e.action);
      expect(actions).toEqual(["create", "destroy"]);
    } finally {
      events.kill("SIGKILL");
    }
  });

  test("mends what somebody else broke: a link, the table", async () => {
    await world.host.sh("nft flush ruleset");
    await world.host.sh("ip link set netdock0 down");
    let differences: unknown[] = ["unknown"];
    const until = Date.now() + 5000;
    while (differences.length > 0 && Date.now() < until) {
      const report = await world.netdockOk("reconcile", "--dry-run", "--json");
      differences = (JSON.parse(report) as { differences: unknown[] }).differences;
    }
    expect(differences).toEqual([]);
  });
});
