// `npm run bench:dns`: how long a sandbox waits for the address of another, and how many such questions a second are
// answered, by netdock's resolver and by dnsmasq, asked by the same program from the same sandboxes in turns. See README.md.
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect } from "../src/api/client.ts";
import { addressOf } from "../src/base/cidr.ts";
import type { Ip } from "../src/base/ip.ts";
import { startDaemon } from "./lib/daemon.ts";
import type { Latency } from "./lib/dns-load.ts";
import { DnsClient, dnsmasqVersion, pin, startDnsmasq } from "./lib/dns-servers.ts";
import { enterThrowaway } from "./lib/inside.ts";
import { load, machine } from "./lib/machine.ts";
import { printTable } from "./lib/report.ts";
import { summarize } from "./lib/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    n: { type: "string", default: "7" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    dnsmasq: { type: "string", default: "dnsmasq" },
  },
});
enterThrowaway();

const rounds = flags.quick ? 5 : Number(flags.n);
/** Sandboxes that are there, and how many of them ask. */
const LEVELS = [
  { sandboxes: 1, asking: 1 },
  { sandboxes: 500, asking: 1 },
  { sandboxes: 500, asking: 500 },
] as const;
type Level = (typeof LEVELS)[number];
const [QUERIES, OUTSTANDING] = [flags.quick ? 5000 : 20_000, 100];
const [SUBNET, GATEWAY] = ["10.79.0.0/16", "10.79.0.1" as Ip];
const RESOLVER = "127.0.0.11" as Ip;
/** Of a sandbox's loopback: only programs in it ask there, so it is the shortest way there is. */
const LOCAL = "127.0.0.1" as Ip;

/** Medians of what other name servers took on 2 CPUs (AMD EPYC, Linux 6.1), for a reader without dnsmasq. */
const KNOWN =
  "dockerd 28.5: 30 µs, 70–80 k/s; aardvark-dns 1.17: 17 µs, 106–115 k/s; dnsmasq 2.93: 12.8 µs, 107–116 k/s";

interface Figures {
  readonly sandboxes: number;
  readonly asking: number;
  readonly server: string;
  /** Client and server on one CPU, and on one each; microseconds. */
  readonly sameCpu: { readonly median: number; readonly p99: number; readonly perSecond: number };
  readonly otherCpu: { readonly median: number; readonly p99: number };
  /** Answers a second with 100 questions under way. */
  readonly saturated: number;
}

interface Target {
  readonly name: string;
  readonly pid: number;
}

const cache = join(import.meta.dirname, "..", ".cache");
mkdirSync(cache, { recursive: true });
const stateDir = mkdtempSync(join(cache, "bench-"));
const median = (values: readonly number[]): number => summarize(values).median;

async function measure(client: DnsClient, targets: readonly Target[], level: Level): Promise<Figures[]> {
  const order = [...targets];
  const taken = new Map(
    targets.map(({ name }) => [
      name,
      { same: [] as Latency[], other: [] as Latency[], rates: [] as number[] },
    ]),
  );
  // One round unseen: the first answers of a process are answered by code not compiled yet.
  for (let round = -1; round < rounds; round++) {
    order.push(order.shift() as Target);
    for (const { name, pid } of order) {
      const ask = (): Promise<Latency> => client.call({ do: "oneByOne", target: name, count: QUERIES });
      pin(pid, "0");
      pin(client.pid, "0");
      const same = await ask();
      pin(client.pid, "1");
      const other = await ask();
      pin(pid, "0,1");
      pin(client.pid, "0,1");
      const rate = await client.call<number>({
        ...{ do: "saturate", target: name, count: 5 * QUERIES, outstanding: OUTSTANDING },
      });
      if (round < 0) continue;
      const mine = taken.get(name);
      mine?.same.push(same);
      mine?.other.push(other);
      mine?.rates.push(rate);
    }
  }
  return [...taken].map(([server, { same, other, rates }]) => ({
    ...level,
    server,
    sameCpu: {
      median: median(same.map((one) => one.median)),
      p99: median(same.map((one) => one.p99)),
      perSecond: median(same.map((one) => one.perSecond)),
    },
    otherCpu: { median: median(other.map((one) => one.median)), p99: median(other.map((one) => one.p99)) },
    saturated: median(rates),
  }));
}

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};

async function run(): Promise<{ figures: Figures[]; dnsmasq: string | undefined; load: number[] }> {
  const before = load();
  const socketPath = "/run/bench/netdock.sock";
  const daemon = await startDaemon({ socketPath, runDir: "/run/bench", stateDir });
  const api = connect({ socketPath });
  progress("daemon runs");
  const version = dnsmasqVersion(flags.dnsmasq);
  const figures: Figures[] = [];
  await api.createNetwork({ name: "bench", ipam: { config: [{ subnet: SUBNET, gateway: GATEWAY }] } });
  const hosts: { name: string; ip: string; netns: string }[] = [];
  for (const level of LEVELS) {
    while (hosts.length < level.sandboxes) {
      const name = `sandbox-${hosts.length}`;
      const { netnsPath, endpoints } = await api.createSandbox({ name, networks: [{ network: "bench" }] });
      const [endpoint] = endpoints;
      if (endpoint?.ipv4 === undefined) throw new Error(`${name} has no address`);
      hosts.push({ name, ip: addressOf(endpoint.ipv4), netns: netnsPath });
    }
    progress(`${level.sandboxes} sandboxes, ${level.asking} asking`);
    using client = new DnsClient();
    const open = async (target: string, server: Ip, from: readonly { netns: string }[]): Promise<void> => {
      const names = hosts.map(({ name }) => name);
      await client.call({ do: "open", target, server, netns: from.map(({ netns }) => netns), names });
    };
    const targets: Target[] = [{ name: "netdock", pid: daemon.pid }];
    const asking = hosts.slice(0, level.asking);
    await open("netdock", RESOLVER, asking);
    progress("asked netdock");
    const servers: ChildProcess[] = [];
    if (version !== undefined) {
      const common = { program: flags.dnsmasq, hosts, hostsFile: join(stateDir, "hosts") };
      const atGateway = await startDnsmasq({ ...common, netns: undefined, address: GATEWAY });
      progress("dnsmasq runs");
      targets.push({ name: "dnsmasq, at the gateway", pid: atGateway.pid as number });
      await open("dnsmasq, at the gateway", GATEWAY, asking);
      servers.push(atGateway);
      if (level.asking === 1) {
        const [first] = hosts as [(typeof hosts)[number]];
        const inside = await startDnsmasq({ ...common, netns: first.netns, address: LOCAL });
        targets.push({ name: "dnsmasq, in the sandbox", pid: inside.pid as number });
        await open("dnsmasq, in the sandbox", LOCAL, [first]);
        servers.push(inside);
      }
    }
    figures.push(...(await measure(client, targets, level)));
    for (const server of servers) server.kill("SIGKILL");
  }
  progress("");
  for (const { name } of hosts) await api.removeSandbox(name, { force: true });
  api.close();
  await daemon.stop();
  return { figures, dnsmasq: version, load: [before, load()] };
}

try {
  const { figures, dnsmasq, load: loads } = await run();
  if (flags.json)
    console.log(
      JSON.stringify({ machine: machine(stateDir), dnsmasq, load: loads, rounds, figures }, undefined, 2),
    );
  else {
    const on = machine(stateDir);
    console.log(
      `Linux ${on.kernel}, ${on.cpus} × ${on.cpuModel}, Node ${on.node}, dnsmasq ${dnsmasq ?? "absent"}`,
    );
    console.log(
      `load ${loads[0]} before, ${loads[1]} after; medians of ${rounds} rounds, servers in turns; µs\n`,
    );
    const header = [
      "",
      "sandboxes",
      "asking",
      "same CPU p50",
      "p99",
      "a second",
      "other CPU p50",
      "p99",
      "100 waiting, a second",
      "÷ dnsmasq",
    ];
    printTable(
      header,
      figures.map(({ sandboxes, asking, server, sameCpu, otherCpu, saturated }) => {
        const best = Math.max(
          ...figures
            .filter((f) => f.sandboxes === sandboxes && f.asking === asking && f.server !== "netdock")
            .map((f) => f.saturated),
        );
        return [
          server,
          String(sandboxes),
          String(asking),
          sameCpu.median.toFixed(1),
          sameCpu.p99.toFixed(1),
          sameCpu.perSecond.toFixed(0),
          otherCpu.median.toFixed(1),
          otherCpu.p99.toFixed(1),
          saturated.toFixed(0),
          server === "netdock" && best > 0 ? `${(saturated / best).toFixed(2)}×` : "",
        ];
      }),
    );
    console.log(`\nElsewhere: ${KNOWN}`);
  }
} finally {
  rmSync(stateDir, { recursive: true, force: true });
}
