// The daemon as a process of its own, asked over its Unix socket by netdock's client on a kept connection.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { connect } from "../src/api/client.ts";
import { lives, type Lifecycles } from "./lib/lives.ts";
import { serve, type Subject } from "./lib/subject.ts";
import { LinkWatch, memoryOf, refuseMachine } from "./lib/timing.ts";

const [machine, runDir = "", stateDir = ""] = process.argv.slice(2);
refuseMachine(machine);

const home = join(runDir, "api");
const state = join(stateDir, "api");
mkdirSync(home, { recursive: true });
mkdirSync(state, { recursive: true });
const socketPath = join(home, "netdock.sock");
const logPath = join(state, "daemon.log");
const log = openSync(logPath, "a");
const main = fileURLToPath(new URL("../src/app/main.ts", import.meta.url));
const flags = ["--socket", socketPath, "--state-dir", state, "--run-dir", home, "--log-level", "warn"];
const daemon = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, "daemon", ...flags], {
  stdio: ["ignore", "ignore", log, "pipe"],
  env: { ...process.env, NETDOCK_READY_FD: "3" },
});
closeSync(log);
const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
process.on("exit", () => daemon.kill("SIGKILL"));
const ready = daemon.stdio[3] as Readable;
await new Promise<void>((resolve, reject) => {
  ready.once("data", () => resolve());
  ready.once("end", () => reject(new Error(`the daemon ended: ${readFileSync(logPath, "utf8")}`)));
});
ready.destroy();

const client = connect({ socketPath });
const operations: Lifecycles = {
  createNetwork: async (request) => void (await client.createNetwork(request)),
  removeNetwork: (name) => client.removeNetwork(name),
  createSandbox: async (request) => void (await client.createSandbox(request)),
  attach: async (sandbox, network) => (await client.connect(network, { sandbox })).hostInterface,
  detach: (sandbox, network) => client.disconnect(network, sandbox),
  removeSandbox: (sandbox) => client.removeSandbox(sandbox, { force: false }),
  ping: async () => void (await client.ping()),
  memory: () => memoryOf(daemon.pid as number),
  async close() {
    client.close();
    daemon.kill("SIGTERM");
    await ended;
    const complaints = readFileSync(logPath, "utf8").trim();
    if (complaints !== "")
      throw new Error(`the daemon complained:\n${complaints.split("\n").slice(0, 5).join("\n")}`);
  },
};

const subject: Subject = await lives(operations, new LinkWatch());
serve(subject);
