import type { NetworkRequest } from "../../src/model/network.ts";
import type { SandboxRequest } from "../../src/model/sandbox.ts";
import { MEMBERS, type Memory, ROW, type Subject } from "./subject.ts";
import { type LinkWatch, Stopwatch } from "./timing.ts";

/** The operations of an engine, by name, whether it is in this process or behind its API. */
export interface Lifecycles {
  createNetwork(request: NetworkRequest): Promise<void>;
  removeNetwork(name: string): Promise<void>;
  createSandbox(request: SandboxRequest): Promise<void>;
  /** Resolves with the name of the new link on the host. */
  attach(sandbox: string, network: string): Promise<string | undefined>;
  detach(sandbox: string, network: string): Promise<void>;
  removeSandbox(sandbox: string): Promise<void>;
  ping?(): Promise<void>;
  memory(): Memory;
  close(): Promise<void>;
}

const NETWORK = "bench";

/** Host ports from here on, and a row's before; below those the kernel hands out by itself (ip_local_port_range). */
const FIRST_PORT = 20_000;

/** What is measured of an engine: sandboxes that publish one port and join a user's network after they were made. */
export async function lives(operations: Lifecycles, links: LinkWatch): Promise<Subject> {
  let watch = new Stopwatch({ rests: true });
  const filled = { here: 0, elsewhere: 0 };
  await operations.createNetwork({ name: NETWORK, ipam: { config: [{ subnet: "10.77.0.0/16" }] } });

  /** One sandbox that stays. */
  const settle = async (network: string): Promise<void> => {
    const number = filled.here + filled.elsewhere;
    const name = `filled-${number}`;
    await operations.createSandbox(request(name, FIRST_PORT + 1 + number));
    await operations.attach(name, network);
  };

  const request = (name: string, port: number): SandboxRequest => ({
    name,
    networks: [],
    publish: [`${port}:80`],
  });

  const life = async (detaches: boolean): Promise<void> => {
    const name = "sandbox";
    await watch.time("sandbox create", () => operations.createSandbox(request(name, FIRST_PORT)));
    const link = await watch.time("attach", () => operations.attach(name, NETWORK));
    if (link === undefined || !links.has(link)) throw new Error(`no link ${link} came of an attach`);
    if (detaches) {
      await watch.time("detach", () => operations.detach(name, NETWORK));
      if (links.has(link)) throw new Error(`link ${link} is there after a detach`);
      await watch.time("delete", () => operations.removeSandbox(name));
    } else {
      await watch.time("delete, attached", () => operations.removeSandbox(name));
      await links.gone(link);
    }
  };

  /** What `netdock up` does: many, one after another. */
  const row = async (): Promise<void> => {
    const names = Array.from({ length: ROW }, (_, i) => `row-${i}`);
    for (const [i, name] of names.entries())
      await operations.createSandbox(request(name, FIRST_PORT - ROW + i));
    await watch.rest();
    const made: string[] = [];
    for (const name of names) {
      const link = await watch.timeInRow("attach, in a row", () => operations.attach(name, NETWORK));
      if (link !== undefined) made.push(link);
    }
    await watch.rest();
    for (const name of names) await operations.removeSandbox(name);
    await links.gone(...made);
  };

  const all = async (): Promise<void> => {
    if (operations.ping !== undefined) await watch.time("ping", async () => operations.ping?.());
    await life(true);
    await life(false);
    await row();
    await watch.time("network create", () => operations.createNetwork({ name: "bench-other" }));
    await watch.time("network delete", () => operations.removeNetwork("bench-other"));
  };

  return {
    async fill({ here, elsewhere }) {
      for (; filled.here < here; filled.here++) await settle(NETWORK);
      for (; filled.elsewhere < elsewhere; filled.elsewhere++) {
        const network = `${NETWORK}-${Math.floor(filled.elsewhere / MEMBERS)}`;
        if (filled.elsewhere % MEMBERS === 0) await operations.createNetwork({ name: network });
        await settle(network);
      }
    },
    async warm(rounds) {
      const real = watch;
      watch = new Stopwatch({ rests: false });
      for (let i = 0; i < rounds; i++) await all();
      watch = real;
    },
    async round() {
      await all();
      return watch.take();
    },
    memory: () => Promise.resolve(operations.memory()),
    garbage: () => Promise.resolve(watch.garbage()),
    close: () => operations.close(),
  };
}
