import { once } from "node:events";
import { join } from "node:path";
import { ROOT, type Machine, type Outcome, type World } from "./world.ts";

export const PROBE: string = join(ROOT, "test", "e2e", "probe.mjs");

/** argv of the probe in another role. */
export function probe(...args: string[]): string[] {
  return [process.execPath, PROBE, ...args];
}

/** A sandbox that answers on TCP and UDP port 80 with its own name and the peer's address. */
export async function server(world: World, name: string, ...flags: string[]): Promise<void> {
  const both = `${probe("serve", "tcp", "::", "80", name).join(" ")} & exec ${probe("serve", "udp", "0.0.0.0", "80", name).join(" ")}`;
  await world.netdockOk("run", "-d", "--name", name, ...flags, "--", "sh", "-c", both);
  await untilLogged(world, name, 2);
}

/** A sandbox with nothing but `sleep` in it. */
export async function idle(world: World, name: string, ...flags: string[]): Promise<void> {
  await world.netdockOk("run", "-d", "--name", name, ...flags, "--", "sleep", "1000");
}

/** Waits, by following the log, until a server said `ready` so often. */
export async function untilLogged(world: World, name: string, times: number): Promise<void> {
  const child = world.host.spawn([process.execPath, join(ROOT, "src/app/main.ts"), "logs", "-f", name]);
  try {
    let seen = "";
    for await (const piece of child.stdout ?? []) {
      seen += String(piece);
      if (seen.split("ready").length > times) return;
    }
    throw new Error(`${name} ended before it was ready:\n${seen}`);
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

/** Asks from inside a sandbox. */
export function askFrom(
  world: World,
  sandbox: string,
  protocol: string,
  address: string,
  port: number,
): Promise<Outcome> {
  return world.exec(sandbox, probe("ask", protocol, address, String(port)));
}

/** Asks from a machine: the host itself, or the outside. */
export function askAt(machine: Machine, protocol: string, address: string, port: number): Promise<Outcome> {
  return machine.run(probe("ask", protocol, address, String(port)));
}

export interface InspectedEndpoint {
  readonly networkName: string;
  readonly ipv4: string;
  readonly ipv6?: string;
  readonly interfaceName: string;
  readonly mac: string;
}

/** Address of a sandbox on a network, without the prefix length. */
export async function addressOn(world: World, sandbox: string, network: string): Promise<string> {
  const endpoint = (await endpoints(world, sandbox)).find((e) => e.networkName === network);
  if (endpoint === undefined) throw new Error(`${sandbox} is not on ${network}`);
  return endpoint.ipv4.replace(/\/.*/, "");
}

export async function endpoints(world: World, sandbox: string): Promise<InspectedEndpoint[]> {
  const [view] = JSON.parse(await world.netdockOk("inspect", sandbox)) as [
    { endpoints: InspectedEndpoint[] },
  ];
  return view.endpoints;
}
