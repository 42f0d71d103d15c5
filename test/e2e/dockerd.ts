import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { run, type World } from "./world.ts";

export interface Container {
  readonly name: string;
  readonly pid: number;
  readonly addresses: readonly string[];
}

export interface DockerdOptions {
  /** Folders that come first on its PATH: which iptables it finds. */
  readonly path?: string;
}

/** A dockerd on the world's host, with images of nothing but busybox. What it keeps is in memory and ends with the machine. */
export class Dockerd implements AsyncDisposable {
  readonly #world: World;
  readonly #socket: string;
  #process: ChildProcess | undefined;

  private constructor(world: World) {
    this.#world = world;
    this.#socket = join(world.scratch, "docker.sock");
  }

  static async start(world: World, options: DockerdOptions = {}): Promise<Dockerd> {
    // A view of /sys that is of this machine's network, with the control groups that containers need.
    await world.host.sh(`mkdir /run/cgroups && mount --rbind /sys/fs/cgroup /run/cgroups
      mount -t sysfs sysfs /sys && mount --rbind /run/cgroups /sys/fs/cgroup`);
    const dockerd = new Dockerd(world);
    await dockerd.start(options);
    await dockerd.#makeImage();
    return dockerd;
  }

  /** Also after a stop. */
  async start({ path }: DockerdOptions = {}): Promise<void> {
    const at = (name: string): string => `/run/dockerd/${name}`;
    const argv = [
      "dockerd",
      ...["--host", `unix://${this.#socket}`, "--pidfile", at("pid")],
      ...["--data-root", at("data"), "--exec-root", at("exec"), "--storage-driver", "vfs"],
    ];
    const PATH = [...(path === undefined ? [] : [path]), "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":");
    const dockerd = this.#world.host.spawn(argv, { PATH });
    this.#process = dockerd;
    let log = "";
    dockerd.stdout?.resume();
    dockerd.stderr?.setEncoding("utf8");
    await new Promise<void>((resolve, reject) => {
      dockerd.stderr?.on("data", (text: string) => {
        log += text;
        if (log.includes("API listen on")) resolve();
      });
      dockerd.once("exit", (code, signal) => reject(new Error(`dockerd ended (${code ?? signal}):\n${log}`)));
    });
  }

  /** Ends it, and with it its containers. */
  async stop(): Promise<void> {
    const dockerd = this.#process;
    this.#process = undefined;
    if (dockerd === undefined || dockerd.exitCode !== null || dockerd.signalCode !== null) return;
    const ended = once(dockerd, "exit");
    dockerd.kill("SIGTERM");
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Makes a bridge network; gives its subnet. */
  async network(name: string, options: { readonly internal?: boolean } = {}): Promise<string> {
    await this.#ask("POST", "/networks/create", {
      Name: name,
      CheckDuplicate: true,
      Internal: options.internal,
    });
    const found = (await this.#ask("GET", `/networks/${name}`)) as {
      IPAM: { Config: readonly { Subnet: string }[] };
    };
    return found.IPAM.Config[0]?.Subnet ?? "";
  }

  /** A container that answers on TCP port 80 with its name. `publish` is the port of the host's. */
  async run(
    name: string,
    options: { readonly network: string; readonly publish?: string },
  ): Promise<Container> {
    const { network, publish } = options;
    await this.#ask("POST", `/containers/create?name=${name}`, {
      Image: "box",
      Cmd: ["/bin/busybox", "nc", "-ll", "-p", "80", "-e", "/bin/busybox", "echo", name],
      // The first process of a container does not hear of a mere SIGTERM.
      StopSignal: "SIGKILL",
      ExposedPorts: { "80/tcp": {} },
      HostConfig: {
        NetworkMode: network,
        ...(publish === undefined ? {} : { PortBindings: { "80/tcp": [{ HostPort: publish }] } }),
      },
    });
    return this.restart(name);
  }

  /** Starts a container that is there. */
  async restart(name: string): Promise<Container> {
    await this.#ask("POST", `/containers/${name}/start`);
    const found = (await this.#ask("GET", `/containers/${name}/json`)) as {
      State: { Pid: number };
      NetworkSettings: { Networks: Readonly<Record<string, { IPAddress: string }>> };
    };
    const { State, NetworkSettings } = found;
    return {
      name,
      pid: State.Pid,
      addresses: Object.values(NetworkSettings.Networks).map((one) => one.IPAddress),
    };
  }

  async #makeImage(): Promise<void> {
    const [root, tar] = [join(this.#world.scratch, "image"), join(this.#world.scratch, "image.tar")];
    mkdirSync(join(root, "bin"), { recursive: true });
    const script = 'cp "$(command -v busybox)" "$0/bin/busybox" && tar -C "$0" -cf "$1" .';
    const { code, stderr } = await run(["sh", "-c", script, root, tar]);
    if (code !== 0) throw new Error(stderr);
    await this.#ask("POST", "/images/create?fromSrc=-&repo=box", readFileSync(tar));
  }

  /** Docker Engine API v1.41, that of Debian's dockerd. */
  #ask(method: string, path: string, body?: object): Promise<unknown> {
    const isTar = body instanceof Uint8Array;
    const sent = body === undefined ? undefined : isTar ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = { "content-type": isTar ? "application/x-tar" : "application/json" };
      const asked = request(
        { socketPath: this.#socket, method, path: `/v1.41${path}`, headers },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (piece: string) => (text += piece));
          response.on("end", () => {
            const { statusCode = 0 } = response;
            if (statusCode >= 400) reject(new Error(`${method} ${path}: ${statusCode} ${text}`));
            else
              resolve(
                response.headers["content-type"] === "application/json" && text !== "" && !isTar
                  ? JSON.parse(text)
                  : text,
              );
          });
        },
      );
      asked.once("error", reject);
      asked.end(sent);
    });
  }
}
