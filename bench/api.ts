// `npm run bench:api`: networks and their members through Docker's Engine API, beside what dockerd takes for the same requests.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "../src/api/client.ts";
import { startDaemon } from "./lib/daemon.ts";
import { enterThrowaway } from "./lib/inside.ts";
import { load, machine } from "./lib/machine.ts";
import { formatMs, printTable } from "./lib/report.ts";
import { Collected } from "./lib/statistics.ts";

const { values: flags } = parseArgs({
  options: { n: { type: "string", default: "100" }, json: { type: "boolean", default: false } },
});
enterThrowaway();

/** The kernel's after-work of one operation must not fall into the next. */
const REST_MS = 15;
/** Enough for V8 to compile what is hot. */
const WARM_ROUNDS = 60;
const OTHERS = 200;

const OPERATIONS = ["network create", "network rm", "connect", "disconnect"] as const;
type Operation = (typeof OPERATIONS)[number];
interface Peer {
  readonly name: string;
  /** Median and p90 in milliseconds, with none and with 200 others there. */
  readonly rows: Readonly<Record<Operation, readonly [none: readonly number[], others: readonly number[]]>>;
}

/**
 * dockerd as Debian has it, over a kept connection to its Unix socket, n = 30: on a virtual machine with 2 cores and nothing
 * else to do, Linux 6.18, 24 GiB; containers were running, the userland proxy was on.
 */
const PEERS: readonly Peer[] = [
  {
    name: "dockerd 28.5.2",
    rows: {
      "network create": [
        [29.8, 31],
        [48.3, 55],
      ],
      "network rm": [
        [170, 196],
        [204.7, 227],
      ],
      connect: [
        [7.2, 8.9],
        [9.4, 10.2],
      ],
      disconnect: [
        [53, 66],
        [58.6, 70],
      ],
    },
  },
  {
    name: "dockerd 20.10.24",
    rows: {
      "network create": [
        [60.1, 68],
        [108.2, 120],
      ],
      "network rm": [
        [167.8, 192],
        [228.3, 256],
      ],
      connect: [
        [25, 36.7],
        [24.7, 32.9],
      ],
      disconnect: [
        [38.7, 47],
        [39.3, 52],
      ],
    },
  },
];

const cache = join(import.meta.dirname, "..", ".cache");
mkdirSync(cache, { recursive: true });
const stateDir = mkdtempSync(join(cache, "bench-"));
const socketPath = "/run/netdock-bench/netdock.sock";
const daemon = await startDaemon({ socketPath, runDir: "/run/netdock-bench", stateDir });
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function ask(method: string, path: string, body?: object): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers =
    bytes === undefined ? {} : { "content-type": "application/json", "content-length": String(bytes.length) };
  const sent = httpRequest({ socketPath, agent, method, path: `/v1.50${path}`, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => (text += String(chunk)));
    response.on("end", () => {
      if ((response.statusCode ?? 0) < 300) resolve();
      else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
    });
  });
  sent.on("error", reject);
  sent.end(bytes);
  return promise;
}

const create = (Name: string): Promise<void> => ask("POST", "/networks/create", { Name, Driver: "bridge" });
const remove = (name: string): Promise<void> => ask("DELETE", `/networks/${name}`);
const enter = (network: string, Container: string): Promise<void> =>
  ask("POST", `/networks/${network}/connect`, { Container });
const leave = (network: string, Container: string): Promise<void> =>
  ask("POST", `/networks/${network}/disconnect`, { Container });

const collected = new Collected();

/** One operation; `level` says under what to count it, undefined: not at all. */
async function timed(operation: string, level: number | undefined, run: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await run();
  if (level !== undefined) collected.add(`${operation} ${level}`, performance.now() - start);
  if (level !== undefined) await sleep(REST_MS);
}

async function networkLives(rounds: number, level: number | undefined): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await timed("network create", level, () => create("measured"));
    await timed("network rm", level, () => remove("measured"));
  }
}

async function memberLives(rounds: number, level: number | undefined): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await timed("connect", level, () => enter("full", "probe"));
    await timed("disconnect", level, () => leave("full", "probe"));
  }
}

const rounds = Number(flags.n);
const loadBefore = load();
const names = Array.from({ length: OTHERS }, (_, i) => `other-${i}`);
using client = connect({ socketPath });
try {
  await networkLives(WARM_ROUNDS, undefined);
  for (let i = 0; i < rounds; i++) await timed("ping", 0, () => ask("GET", "/_ping"));
  await networkLives(rounds, 0);
  for (const name of names) await create(name);
  await networkLives(rounds, OTHERS);
  for (const name of names) await remove(name);

  await create("full");
  await client.createSandbox({ name: "probe", networks: [] });
  await memberLives(WARM_ROUNDS, undefined);
  await memberLives(rounds, 0);
  for (const name of names) await client.createSandbox({ name, networks: [{ network: "full" }] });
  await memberLives(rounds, OTHERS);
} finally {
  client.close();
  agent.destroy();
  await daemon.stop();
}

const rows = OPERATIONS.flatMap((operation) =>
  [0, OTHERS].map((others) => ({ operation, others, ours: collected.summary(`${operation} ${others}`) })),
);
const on = machine(stateDir);
rmSync(stateDir, { recursive: true });
const ping = collected.summary("ping 0");
if (flags.json)
  console.log(JSON.stringify({ machine: on, loadBefore, loadAfter: load(), ping, rows, PEERS }));
else {
  console.log(
    `Linux ${on.kernel}, ${on.cpus} × ${on.cpuModel}, Node ${on.node}, state on ${on.stateFilesystem}`,
  );
  printTable(
    ["", "others", "netdock p50", "p90", ...PEERS.flatMap(({ name }) => [`${name} p50`, "p90", "÷ netdock"])],
    rows.map(({ operation, others, ours }) => [
      operation,
      String(others),
      formatMs(ours?.median),
      formatMs(ours?.p90),
      ...PEERS.flatMap(({ rows: of }) => {
        const [median = Number.NaN, p90] = of[operation][others === 0 ? 0 : 1];
        return [formatMs(median), formatMs(p90), `${(median / (ours?.median ?? Number.NaN)).toFixed(1)}×`];
      }),
    ]),
  );
  console.log(
    `milliseconds, ${flags.n} rounds; _ping ${formatMs(ping?.median)}; load ${loadBefore} before, ${load()} after; ` +
      "dockerd's are of an idle machine with 2 cores, see bench/README.md",
  );
}
