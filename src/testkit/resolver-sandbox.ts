import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openLinuxHost, type LinuxHost } from "../kernel/host.ts";
import type { ResolverSockets } from "../model/host.ts";
import type { SandboxId } from "../model/ids.ts";
import type { NetnsKey } from "../model/ops.ts";
import type { Sockets } from "../services/dns/dialer.ts";
import { Lab, type LabNode } from "./lab.ts";

const run = promisify(execFile);

/**
 * Addresses of both families on a link that is up: without them the C library asks for no address of the family
 * (AI_ADDRCONFIG, getaddrinfo(3)).
 */
const addresses = [
  "ip link add out type veth peer name in",
  "ip link set out up",
  "ip link set in up",
  "ip address add 10.0.0.99/24 dev out",
  "ip address add fd00::99/64 dev out nodad",
].join("; ");

/** A sandbox with the resolver's sockets opened in it by the kernel room, and port 53 led to them. */
export class ResolverSandbox implements AsyncDisposable {
  readonly id: SandboxId = "resolver-test" as SandboxId;
  readonly sockets: ResolverSockets;
  /** The namespace that plays the host; it has loopback only. */
  readonly home: LabNode;
  readonly #lab = new Lab();
  readonly #runDir = mkdtempSync(join(tmpdir(), "netdock-resolver-"));
  readonly #host: LinuxHost;

  constructor() {
    this.home = this.#lab.node("home");
    this.#host = openLinuxHost({ runDir: this.#runDir, homeNetnsFd: this.home.fd });
    this.#host.createNetns(this.id);
    execFileSync("nsenter", [`--net=${this.#host.netnsPath(this.id)}`, "sh", "-ec", addresses]);
    this.sockets = this.#host.openResolver(this.id, undefined);
  }

  /** Sockets opened there: in this sandbox by its id, or in the host's namespace. */
  socketsIn(netns: NetnsKey): Sockets {
    return {
      udp: (family) => this.#host.openUdp(netns, family),
      tcp: (family) => this.#host.openTcp(netns, family),
    };
  }

  /** Leads 127.0.0.11:53 to the sockets. */
  async redirect(): Promise<void> {
    await this.#host.apply([{ op: "resolver.redirect", netns: this.id, port: this.sockets.port }]);
  }

  /** Runs a command in the sandbox, with this text for its `/etc/resolv.conf`; gives what it prints. */
  async exec(resolvConf: string, command: readonly string[]): Promise<string> {
    const file = join(this.#runDir, "resolv.conf");
    writeFileSync(file, resolvConf);
    const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const apart = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, file];
    const net = `--net=${this.#host.netnsPath(this.id)}`;
    return (await run("nsenter", [net, ...apart, ...command])).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#host.deleteNetns(this.id);
    this.#host.close();
    await this.#host.settled();
    this.#lab[Symbol.dispose]();
    rmSync(this.#runDir, { recursive: true });
  }
}
