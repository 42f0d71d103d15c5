import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Machine } from "./world.ts";

const BUS = `<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="signal"/>
    <allow receive_type="error"/>
  </policy>
</busconfig>
`;

/** A system bus and a firewalld on a machine, with a configuration in memory. */
export class FirewalldOn implements AsyncDisposable {
  readonly #machine: Machine;
  #bus: ChildProcess | undefined;
  #firewalld: ChildProcess | undefined;

  private constructor(machine: Machine) {
    this.#machine = machine;
  }

  static async start(machine: Machine): Promise<FirewalldOn> {
    const self = new FirewalldOn(machine);
    await machine.ok(["sh", "-c", "mkdir /run/dbus /run/firewalld-etc && cat > /run/bus.conf"], {
      input: BUS,
    });
    const argv = ["dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile", "--print-address"];
    self.#bus = machine.spawn(argv);
    // It says where it listens as soon as it does.
    await once(self.#bus.stdout as NodeJS.ReadableStream, "data");
    await self.start();
    return self;
  }

  /** Also after a stop. Ready as soon as it has its name on the bus, which is when its rules are there. */
  async start(): Promise<void> {
    const watch = this.#machine.spawn([
      "dbus-monitor",
      "--system",
      "member='NameOwnerChanged',arg0='org.fedoraproject.FirewallD1'",
    ]);
    const named = until(watch, "org.fedoraproject.FirewallD1");
    const config = ["--system-config", "/run/firewalld-etc", "--log-file", "/run/firewalld.log"];
    this.#firewalld = this.#machine.spawn(["firewalld", "--nofork", "--nopid", ...config]);
    this.#firewalld.stdout?.resume();
    this.#firewalld.stderr?.resume();
    await named;
    watch.kill();
    await this.#machine.ok(["firewall-cmd", "--state"]);
  }

  async stop(): Promise<void> {
    await end(this.#firewalld);
    this.#firewalld = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await end(this.#bus);
  }
}

async function until(child: ChildProcess, text: string): Promise<void> {
  let seen = "";
  for await (const piece of child.stdout ?? []) {
    seen += String(piece);
    if (seen.includes(text)) return;
  }
  throw new Error(`ended before it said ${text}:\n${seen}`);
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
