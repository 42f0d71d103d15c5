import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NetError } from "../../base/errors.ts";
import { temporaryDirectory } from "../../testkit/api-server.ts";
import { type CliResult, type FakeCli, startFakeCli } from "../../testkit/fake-cli.ts";

let folder: ReturnType<typeof temporaryDirectory>;
let cli: FakeCli;

beforeEach(async () => {
  folder = temporaryDirectory();
  cli = await startFakeCli({ cwd: folder.path });
});

afterEach(async () => {
  await cli[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function compose(text: string): void {
  writeFileSync(join(folder.path, "compose.yaml"), `name: shop\n${text}`);
}

/** `up` where readiness is not the question: it waits for nothing. */
function up(...argv: string[]): Promise<CliResult> {
  return cli.run("up", "--timeout", "0", ...argv);
}

/** Sandboxes and networks of users there are now. */
function world(): string[] {
  const networks = [...cli.engine.networks.values()].filter(({ predefined }) => !predefined);
  return [...networks, ...cli.engine.sandboxes.values()].map(({ name }) => name).toSorted();
}

/** Methods called on the engine that change something, with the thing's name. */
function changes(): string[] {
  return cli.api.engine.calls
    .filter(([method]) => /^(create|remove|start|stop)/.test(method))
    .map(
      ([method, subject]) =>
        `${method} ${typeof subject === "string" ? subject : (subject as { name: string }).name}`,
    );
}

const TWO = `
services:
  web: {command: run web, networks: [front], depends_on: [api]}
  api: {command: run api, networks: [front, back]}
networks: {front: , back: }`;

describe("netdock up", () => {
  test("makes networks, then services in order, and says who is where", async () => {
    compose(TWO);
    const { code, stdout, stderr } = await up();
    expect(stderr).toBe(
      [
        "network shop_front created",
        "network shop_back created",
        "service api ready (created)",
        "service web ready (created)",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    expect(changes()).toEqual([
      "createNetwork shop_front",
      "createNetwork shop_back",
      "createSandbox shop-api-1",
      "createSandbox shop-web-1",
    ]);
    const lines = stdout
      .split("\n")
      .map((line) => line.replaceAll(/\d+\.\d+\.\d+\.\d+/g, "IP").split(/ {2,}/));
    expect(lines).toEqual([
      ["SERVICE", "SANDBOX", "STATE", "ADDRESSES", "REACHABLE AT"],
      ["api", "shop-api-1", "running", "front IP"],
      ["", "back IP"],
      ["web", "shop-web-1", "running", "front IP"],
      [""],
    ]);
  });

  test("sends what the file says", async () => {
    compose(`
services:
  web:
    command: [node, web.mjs]
    working_dir: sub
    environment: {A: b}
    hostname: www
    labels: {mine: yes}
    networks: {front: {aliases: [w], ipv4_address: 10.9.0.9, gw_priority: 3}}
    extra_hosts: ["db:10.0.0.9"]
    dns: [9.9.9.9]
    sysctls: {net.core.somaxconn: 9}
networks: {front: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}`);
    expect((await up()).code).toBe(0);
    const [, request] = cli.api.engine.calls.find(([method]) => method === "createSandbox") ?? [];
    expect(request).toMatchObject({
      name: "shop-web-1",
      hostname: "www",
      labels: {
        mine: "yes",
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1",
      },
      networks: [{ network: "shop_front", aliases: ["web", "w"], ipv4: "10.9.0.9", gwPriority: 3 }],
      extraHosts: ["db:10.0.0.9"],
      dns: { servers: ["9.9.9.9"], search: [], options: [] },
      sysctls: { "net.core.somaxconn": "9" },
      process: {
        command: ["node", "web.mjs"],
        env: ["PATH=/usr/bin:/bin", "HOME=/root", "A=b"],
        workingDir: join(folder.path, "sub"),
      },
    });
  });

  test("takes env files, .env and the caller's values", async () => {
    writeFileSync(join(folder.path, ".env"), "IMAGE_CMD=run it\nFROM_DOT=dot\n");
    writeFileSync(join(folder.path, "a.env"), "ONE=1\nTWO=a\nHOME\n");
    compose(
      'services: {web: {command: "$IMAGE_CMD", env_file: a.env, environment: {TWO: b, FROM_DOT: , NOT_SET: }}}',
    );
    expect((await up()).code).toBe(0);
    const [, request] = cli.api.engine.calls.find(([method]) => method === "createSandbox") ?? [];
    expect(request).toMatchObject({
      process: {
        command: ["run", "it"],
        env: ["PATH=/usr/bin:/bin", "HOME=/root", "ONE=1", "TWO=b", "FROM_DOT=dot"],
      },
    });
  });

  test("changes nothing the second time, and only what changed the third", async () => {
    compose(TWO);
    await up();
    const before = changes().length;
    const second = await up();
    expect(second.code).toBe(0);
    expect(second.stderr).toContain("service web unchanged\n");
    expect(changes().slice(before)).toEqual([]);
    compose(TWO.replace("run web", "run other"));
    expect((await up()).stderr).toContain("service web ready (replaced)\n");
    const id = expect.stringMatching(/^(stopProcess|removeSandbox) c{48}/) as unknown;
    expect(changes().slice(before)).toEqual([id, id, "createSandbox shop-web-1"]);
  });

  test("starts again what ended, and removes what is too much", async () => {
    compose("services: {web: {command: run, scale: 3}}");
    await up();
    const [first] = cli.engine.sandboxes.values();
    await cli.run("stop", first?.name ?? "");
    expect((await up("--scale", "web=2")).stderr).toContain(
      "sandbox shop-web-3 removed\nnetwork shop_default unchanged\nservice web ready (2 sandboxes: 1 unchanged, 1 started again)\n",
    );
    expect(world()).toEqual(["shop-web-1", "shop-web-2", "shop_default"]);
    expect([...cli.engine.sandboxes.values()].map(({ state }) => state)).toEqual(["running", "running"]);
  });

  test("replaces a network that changed, with those on it", async () => {
    compose(TWO);
    await up();
    compose(TWO.replace("back: }", "back: {internal: true}}"));
    expect((await up()).stderr).toContain("network shop_back replaced\n");
    expect([...cli.engine.networks.values()].find(({ name }) => name === "shop_back")?.internal).toBe(true);
    expect(world()).toEqual(["shop-api-1", "shop-web-1", "shop_back", "shop_front"]);
  });

  test("reports orphans, and removes them on request", async () => {
    compose(TWO);
    await up();
    compose(TWO.replace(/^ {2}web:.*\n/m, ""));
    expect((await up()).stderr).toContain(
      "netdock: warning: the file no longer has the services of shop-web-1: remove them with --remove-orphans\n",
    );
    expect(world()).toContain("shop-web-1");
    await up("--remove-orphans");
    expect(world()).not.toContain("shop-web-1");
  });

  test("makes fifty at once, sixteen at a time", async () => {
    compose("services: {web: {command: run, scale: 50}}");
    const { code, stderr } = await up();
    expect(stderr).toContain("service web ready (50 sandboxes: 50 created)\n");
    expect(code).toBe(0);
    expect(cli.engine.sandboxes.size).toBe(50);
    expect(cli.engine.peak).toBeGreaterThan(1);
    expect(cli.engine.peak).toBeLessThanOrEqual(16);
  });

  test("--json prints the project and nothing else", async () => {
    compose("services: {web: {command: run, ports: ['8080:80']}}");
    const { stdout, stderr } = await up("--json");
    expect(JSON.parse(stdout)).toMatchObject({
      project: "shop",
      networks: [{ name: "shop_default" }],
      services: [{ service: "web", name: "shop-web-1", state: "running", urls: ["http://localhost:8080"] }],
    });
    expect(stderr).toMatch(/^netdock: warning: [^\n]*\n$/);
  });
});

describe("readiness", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function listenOn(host: string): Promise<number> {
    server = createServer().listen(0, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  test("a published port is ready when something listens there", async () => {
    // The processes of the memory engine say they are this one, whose sockets the kernel knows.
    cli.engine.pid = process.pid;
    compose(`services: {web: {command: run, ports: ["8080:${await listenOn("0.0.0.0")}"]}}`);
    expect(await cli.run("up")).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining("warning") as string,
    });
  });

  test("a port of 127.0.0.1 only is told at once, with the remedy", async () => {
    cli.engine.pid = process.pid;
    const port = await listenOn("127.0.0.1");
    compose(`services: {web: {command: run, ports: ["8080:${port}"]}}`);
    const { code, stderr } = await cli.run("up");
    expect(code).toBe(0);
    expect(stderr).toContain(
      `netdock: warning: shop-web-1 listens on port ${port}/tcp of 127.0.0.1 only, where a published port does not reach it: let it listen on 0.0.0.0\n`,
    );
  });

  test("a service that dies is an error with the end of its log, and all is taken back", async () => {
    compose(TWO);
    cli.engine.life = (_, name) => (name === "shop-web-1" ? { exitCode: 3, after: undefined } : undefined);
    writeFileSync(cli.engine.log, "one\nno such module\n");
    expect(await cli.run("up")).toEqual({
      code: 1,
      stdout: "",
      stderr: [
        "network shop_front created",
        "network shop_back created",
        "service web failed",
        "service api stopped",
        "netdock: shop-web-1 ended with exit code 3 right after its start; the end of its output:",
        "  one",
        "  no such module",
        "",
      ].join("\n"),
    });
    expect(world()).toEqual([]);
  });

  test("a service that fails once it was ready leaves the rest up, and is told", async () => {
    compose(`services:
  web: {command: run, healthcheck: {test: x}, depends_on: {api: {condition: service_healthy}}}
  api: {command: run, healthcheck: {test: x}}`);
    const end = Promise.withResolvers<void>();
    cli.engine.life = (_, name) => (name === "shop-api-1" ? { exitCode: 3, after: end.promise } : undefined);
    // By the time web is checked, api is ready; it ends while web still comes up.
    cli.spawn = async ({ hostname }) => {
      if (hostname === "shop-web-1") {
        end.resolve();
        await cli.engine.told("die");
      }
      return 0;
    };
    const { code, stdout, stderr } = await up();
    expect(stderr).toContain("netdock: shop-api-1 ended with exit code 3\n  see: netdock logs shop-api-1\n");
    expect(stdout).toMatch(/shop-api-1 +exited \(3\)/);
    expect(code).toBe(1);
    expect(world()).toEqual(["shop-api-1", "shop-web-1", "shop_default"]);
  });

  test("a service that ends with 0 is done", async () => {
    compose("services: {job: {command: run, ports: ['8080:80']}}");
    cli.engine.life = () => ({ exitCode: 0, after: undefined });
    const { code, stdout } = await cli.run("up");
    expect(code).toBe(0);
    expect(stdout).toContain("exited (0)");
  });

  test("service_completed_successfully waits for the end, and misses it on a failure", async () => {
    const text = `services:
  web: {command: run, depends_on: {job: {condition: service_completed_successfully}}}
  job: {command: run}`;
    compose(text);
    const job = Promise.withResolvers<void>();
    cli.engine.life = (_, name) => (name === "shop-job-1" ? { exitCode: 0, after: job.promise } : undefined);
    const up = cli.run("up");
    await cli.engine.told("start");
    expect(world()).not.toContain("shop-web-1");
    job.resolve();
    expect((await up).code).toBe(0);
    expect(world()).toContain("shop-web-1");
  });

  test("a health check is run until it succeeds, in the sandbox", async () => {
    compose(`services:
  web: {command: run, depends_on: {api: {condition: service_healthy}}}
  api: {command: run, healthcheck: {test: [CMD, check, it], interval: 20ms, retries: 1000}}`);
    const codes = [1, 1, 0];
    cli.spawn = async () => codes.shift() ?? 0;
    expect((await cli.run("up")).code).toBe(0);
    expect(cli.spawns).toHaveLength(3);
    expect(cli.spawns[0]).toMatchObject({
      process: { command: ["check", "it"], env: ["PATH=/usr/bin:/bin", "HOME=/root"] },
      netnsPath: "/run/netdock/netns/shop-api-1",
      stdio: { kind: "log", path: "/dev/null" },
    });
  });

  test("a health check that never succeeds is an error", async () => {
    compose("services: {api: {command: run, healthcheck: {test: x, interval: 10ms, retries: 2}}}");
    cli.spawn = async () => 7;
    const { code, stderr } = await cli.run("up");
    expect(stderr).toContain(
      "netdock: shop-api-1 is not healthy after 20 ms: its health check ends with 7\n",
    );
    expect(code).toBe(1);
    expect(world()).toEqual([]);
  });
});

describe("when something fails", () => {
  test("what this up made goes, what was there stays", async () => {
    compose("services: {old: {command: run}}");
    await up();
    compose(
      "services: {old: {command: run}, new: {command: run, networks: [more]}, bad: {command: run}}\nnetworks: {more: }",
    );
    cli.engine.refuse = (method, subject) => {
      if (method !== "createSandbox" || subject !== "shop-bad-1") return;
      throw new NetError("conflict", "sandbox.create", {
        message: "port 8080 is taken by other",
        field: "publish[0]",
      });
    };
    const { code, stderr } = await up();
    expect(stderr).toContain("netdock: compose.yaml:2: services.bad: port 8080 is taken by other\n");
    expect(code).toBe(4);
    expect(world()).toEqual(["shop-old-1", "shop_default"]);
  });

  test("an interrupt takes back what was made, and is 130", async () => {
    compose("services: {web: {command: run, ports: ['8080:80']}}");
    const up = cli.run("up");
    await cli.engine.told("start");
    expect(cli.signal("SIGINT")).toBe(true);
    expect(await up).toMatchObject({
      code: 130,
      stderr: expect.stringContaining("netdock: interrupted\n") as string,
    });
    expect(world()).toEqual([]);
    expect(cli.signal("SIGINT")).toBe(false);
  });

  test.each([
    [
      "services: {web: {command: run, ports: [x]}}",
      2,
      /^netdock: compose\.yaml:2: services\.web\.ports\[0\]: "x": /,
    ],
    [
      "services: {web: {command: run, image: x}}",
      1,
      /^netdock: compose\.yaml:2: services\.web\.image is not supported: [^\n]*\n {2}remove the key, or go on without: --ignore-unsupported\n$/,
    ],
    [
      "services: {web: {command: run, env_file: no.env}}",
      2,
      /^netdock: compose\.yaml:2: services\.web\.env_file: "no\.env": there is no such file\n$/,
    ],
  ])("%s changes nothing and starts no daemon", async (text, expected, message) => {
    compose(text);
    cli.isDaemonUp = false;
    const { code, stderr } = await up();
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
    expect(cli.daemonStarts).toEqual([]);
  });

  test("no file is no file", async () => {
    expect(await up()).toEqual({
      code: 3,
      stdout: "",
      stderr: `netdock: there is no compose.yaml in ${folder.path}\n  name the file: netdock up FILE\n`,
    });
    expect(await up("other.yaml")).toMatchObject({
      code: 3,
      stderr: "netdock: there is no file other.yaml\n",
    });
  });
});

describe("the daemon", () => {
  test("is started when none answers, which is said, and stopped by down", async () => {
    compose(TWO);
    cli.isDaemonUp = false;
    expect((await cli.run("-H", "/run/x.sock", "up")).stderr).toContain(
      "daemon started, since none answered (pid 4242)\n",
    );
    expect(cli.daemonStarts).toEqual(["/run/x.sock"]);
    expect((await cli.run("down")).stderr).toContain("daemon stopped, since `netdock up` had started it\n");
    expect(cli.isDaemonUp).toBe(false);
    expect(await cli.run("down")).toEqual({
      code: 0,
      stdout: "",
      stderr: "nothing is up: no daemon answers\n",
    });
  });

  test("goes again when the project does not come up", async () => {
    compose(TWO);
    cli.isDaemonUp = false;
    cli.engine.life = () => ({ exitCode: 1, after: undefined });
    expect((await cli.run("up")).code).toBe(1);
    expect(cli.isDaemonUp).toBe(false);
  });
});

describe("netdock down", () => {
  beforeEach(async () => {
    compose(TWO);
    await up();
  });

  test("removes dependents first, then networks, and says what", async () => {
    const { code, stderr } = await cli.run("down");
    expect(code).toBe(0);
    expect(stderr.split("\n")).toEqual([
      "sandbox shop-web-1 removed",
      "sandbox shop-api-1 removed",
      "network shop_front removed",
      "network shop_back removed",
      "",
    ]);
    expect(world()).toEqual([]);
  });

  test("finds the only project by itself, also where no file is", async () => {
    const elsewhere = temporaryDirectory();
    try {
      const other = await startFakeCli({ cwd: elsewhere.path });
      try {
        await other.run("up", join(folder.path, "compose.yaml"));
        expect(other.engine.sandboxes.size).toBe(2);
        expect((await other.run("down")).code).toBe(0);
        expect(other.engine.sandboxes.size).toBe(0);
      } finally {
        await other[Symbol.asyncDispose]();
      }
    } finally {
      elsewhere[Symbol.dispose]();
    }
  });

  test("asks which of several, and takes the one named", async () => {
    await up("-p", "second");
    writeFileSync(join(folder.path, "compose.yaml"), "name: third\nservices: {}");
    expect((await cli.run("down")).stderr).toBe("nothing of the project third is up\n");
    expect((await cli.run("down", "-p", "second", "--json")).stdout).toContain('"project": "second"');
    expect(world()).toEqual(["shop-api-1", "shop-web-1", "shop_back", "shop_front"]);
  });

  test("works with a file that up would refuse", async () => {
    compose("services: {web: {nonsense: true}}");
    expect((await cli.run("down")).code).toBe(0);
    expect(world()).toEqual([]);
  });

  test("ends processes as their services ask", async () => {
    compose("services: {web: {command: run, stop_signal: SIGINT, stop_grace_period: 2500ms}}");
    await up("--remove-orphans");
    await cli.run("down");
    expect(cli.api.engine.calls.findLast(([method]) => method === "stopProcess")?.[2]).toEqual({
      timeoutSeconds: 3,
      signal: 2,
    });
  });
});

test("netdock status shows the daemon and the projects", async () => {
  compose(TWO);
  await up();
  const { code, stdout } = await cli.run("status");
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^daemon 0\.0\.0-test, pid \d+, up for .*\n5 networks, 2 sandboxes \(2 running\)\ndns: .*\n\nproject shop\nSERVICE/,
  );
  expect(await cli.run("status", "shpo")).toMatchObject({
    code: 3,
    stderr: 'netdock: there is no project "shpo", did you mean "shop"?\n',
  });
  cli.isDaemonUp = false;
  expect(await cli.run("status", "--json")).toMatchObject({
    code: 5,
    stdout: '{\n  "daemon": null,\n  "projects": []\n}\n',
  });
});
