import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { type Container, Dockerd, type DockerdOptions } from "./dockerd.ts";
import { idle, probe, server } from "./serve.ts";
import type { Outcome, World } from "./world.ts";

/** Of a test in which daemons of others start and stop: that takes its time on a busy machine. */
export const LIMIT_MS = 240_000;

/** Which way leads where: true where an answer comes. */
export type Ways = Readonly<Record<string, boolean>>;

/**
 * What should be so whatever stands beside the two: open are the ways out and the published ports, and nothing else. (A container
 * with a published port is not asked at its own address: Docker opens that to all who are no containers of its own.)
 */
export const SOUND: Ways = {
  "netdock's to the outside": true,
  "docker's to the outside": true,
  "docker's user network to the outside": true,
  "netdock's internal to the outside": false,
  "docker's internal to the outside": false,
  "outside to netdock's port": true,
  "outside to docker's port": true,
  "outside to netdock's container": false,
  "host to netdock's port": true,
  "host to docker's port": true,
  "netdock's to docker's port": true,
  "docker's to netdock's port": true,
  "netdock's to docker's user network": false,
  "netdock's to docker's internal": false,
  "netdock's internal to docker's user network": false,
  "netdock's internal to docker's port": false,
  "docker's to netdock's container": false,
  "docker's user network to netdock's container": false,
  "docker's to netdock's internal": false,
  "docker's internal to netdock's container": false,
  "docker's internal to netdock's port": false,
};

/** What does not lead by a container of the engine that is away. */
export function without(engine: "netdock" | "docker"): Ways {
  return Object.fromEntries(Object.entries(SOUND).filter(([way]) => !way.includes(`${engine}'s`)));
}

const OUTSIDE = ["192.0.2.2", "7000"] as const;
const HOST = "192.0.2.1";
const PORTS = { netdock: "8080", docker: "8081" };

/**
 * A world with both engines on its host. Of netdock: `web` on `red` with a published port, `hid` on the internal `inner`. Of
 * Docker: `dpub` on the default bridge with a published port, `duser` on a network of its own, `dhid` on an internal one.
 */
export class Both implements AsyncDisposable {
  readonly world: World;
  #dockerd: Dockerd | undefined;
  #outside: ChildProcess | undefined;
  readonly #containers = new Map<string, Container>();

  private constructor(world: World) {
    this.world = world;
  }

  static async start(world: World): Promise<Both> {
    const both = new Both(world);
    const outside = world.outside.spawn(probe("serve", "tcp", ...OUTSIDE, "outside"));
    both.#outside = outside;
    await once(outside.stdout as NodeJS.ReadableStream, "data");
    return both;
  }

  get dockerd(): Dockerd {
    if (this.#dockerd === undefined) throw new Error("dockerd was not started");
    return this.#dockerd;
  }

  async startDocker(options?: DockerdOptions): Promise<void> {
    const dockerd = await Dockerd.start(this.world, options);
    this.#dockerd = dockerd;
    await dockerd.network("duser");
    await dockerd.network("dhid", { internal: true });
    for (const [name, network, publish] of [
      ["dpub", "bridge", PORTS.docker],
      ["duser", "duser", undefined],
      ["dhid", "dhid", undefined],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- dockerd starts them one by one anyway
      const container = await dockerd.run(name, { network, ...(publish === undefined ? {} : { publish }) });
      this.#containers.set(name, container);
    }
    await this.#leadOut("dhid");
  }

  /** Newer versions give internal networks no default route. One who makes himself one must be no better off. */
  async #leadOut(name: string): Promise<void> {
    const { pid, addresses } = this.#containers.get(name) as Container;
    const gateway = addresses[0]?.replace(/\d+$/, "1");
    await this.world.host.ok([
      "nsenter",
      "-t",
      String(pid),
      "-n",
      "ip",
      "route",
      "replace",
      "default",
      "via",
      gateway ?? "",
    ]);
  }

  async startNetdock(): Promise<void> {
    const { world } = this;
    // As `netdock up` starts it: a client that ends it takes everything away.
    await world.startDaemon({}, ["--auto-started"]);
    await world.netdockOk("network", "create", "red");
    await world.netdockOk("network", "create", "--internal", "inner");
    await server(world, "web", "--network", "red", "-p", `${PORTS.netdock}:80`);
    await idle(world, "hid", "--network", "inner");
  }

  /** Containers of Docker's, stopped by its end, run again. */
  async restartContainers(): Promise<void> {
    for (const name of this.#containers.keys()) {
      // oxlint-disable-next-line no-await-in-loop -- one by one
      this.#containers.set(name, await this.dockerd.restart(name));
    }
    await this.#leadOut("dhid");
  }

  /** Tries those ways of SOUND that are named, with real packets. */
  async ways(wanted: Ways = SOUND): Promise<Ways> {
    const { world } = this;
    const named = Object.keys(wanted).map((way) => [way, ...way.split(" to ")] as [string, string, string]);
    const ours = named.some(([, , to]) => to === "netdock's container" || to === "netdock's internal");
    const targets = this.#targets(ours ? await sandboxAddresses(world) : {});
    const groups = Map.groupBy(named, ([, from]) => from);
    const found = [...groups].map(async ([from, ways]) => {
      const argv = probe(
        "reach",
        ...ways.flatMap(([, , to]) => targets[to] ?? [`no such place: ${to}`, "0"]),
      );
      const { code, stdout, stderr } = await this.#asker(from, argv);
      if (code !== 0) throw new Error(`${from}: ${stderr}`);
      const answers = stdout.trim().split("\n");
      return ways.map(([way], i): [string, boolean] => [way, answers[i] === "true"]);
    });
    const answers = new Map((await Promise.all(found)).flat());
    return Object.fromEntries(named.map(([way]) => [way, answers.get(way) === true]));
  }

  #asker(from: string, argv: readonly string[]): Promise<Outcome> {
    const { world } = this;
    const container = (name: string): Promise<Outcome> =>
      world.host.run(["nsenter", "-t", String(this.#containers.get(name)?.pid), "-n", ...argv]);
    switch (from) {
      case "outside":
        return world.outside.run(argv);
      case "host":
        return world.host.run(argv);
      case "netdock's":
        return world.exec("web", argv);
      case "netdock's internal":
        return world.exec("hid", argv);
      case "docker's":
        return container("dpub");
      case "docker's user network":
        return container("duser");
      case "docker's internal":
        return container("dhid");
      default:
        throw new Error(`there is no place "${from}"`);
    }
  }

  /** Address and port by place. */
  #targets(ours: Readonly<Record<string, string>>): Readonly<Record<string, readonly [string, string]>> {
    const at = (name: string): [string, string] => [this.#containers.get(name)?.addresses[0] ?? "", "80"];
    return {
      "the outside": OUTSIDE,
      "netdock's port": [HOST, PORTS.netdock],
      "docker's port": [HOST, PORTS.docker],
      "netdock's container": [ours["web"] ?? "", "80"],
      "netdock's internal": [ours["hid"] ?? "", "80"],
      "docker's user network": at("duser"),
      "docker's internal": at("dhid"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outside?.kill("SIGKILL");
    await this.#dockerd?.[Symbol.asyncDispose]();
  }
}

/** Of both sandboxes, by name. */
async function sandboxAddresses(world: World): Promise<Record<string, string>> {
  const views = JSON.parse(await world.netdockOk("inspect", "web", "hid")) as readonly {
    name: string;
    endpoints: readonly { ipv4: string }[];
  }[];
  return Object.fromEntries(
    views.map(({ name, endpoints }) => [name, endpoints[0]?.ipv4.replace(/\/.*/, "") ?? ""]),
  );
}

export interface FilterFinding {
  readonly severity: string;
  readonly check: string;
  readonly text: string;
  readonly affects: readonly string[];
  readonly remedy?: string;
  readonly filter?: { readonly family: string; readonly table: string; readonly chain: string };
}

/** What the doctor says of filters; nothing of what the kernel lacks. */
export async function filterFindings(world: World): Promise<readonly FilterFinding[]> {
  const { stdout } = await world.netdock(["doctor", "--json"]);
  const { findings } = JSON.parse(stdout) as { findings: readonly FilterFinding[] };
  return findings.filter(({ check }) => check !== "kernel");
}
