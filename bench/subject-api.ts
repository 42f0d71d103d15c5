// The daemon as a process of its own, asked over its Unix socket by netdock's client on a kept connection.
import { join } from "node:path";
import { connect } from "../src/api/client.ts";
import { startDaemon } from "./lib/daemon.ts";
import { lives, type Lifecycles } from "./lib/lives.ts";
import { serve, type Subject } from "./lib/subject.ts";
import { LinkWatch, memoryOf, refuseMachine } from "./lib/timing.ts";

const [machine, runDir = "", stateDir = ""] = process.argv.slice(2);
refuseMachine(machine);

const home = join(runDir, "api");
const socketPath = join(home, "netdock.sock");
const daemon = await startDaemon({ socketPath, runDir: home, stateDir: join(stateDir, "api") });

const client = connect({ socketPath });
const operations: Lifecycles = {
  createNetwork: async (request) => void (await client.createNetwork(request)),
  removeNetwork: (name) => client.removeNetwork(name),
  createSandbox: async (request) => void (await client.createSandbox(request)),
  attach: async (sandbox, network) => (await client.connect(network, { sandbox })).hostInterface,
  detach: (sandbox, network) => client.disconnect(network, sandbox),
  removeSandbox: (sandbox) => client.removeSandbox(sandbox, { force: false }),
  ping: async () => void (await client.ping()),
  memory: () => memoryOf(daemon.pid),
  async close() {
    client.close();
    await daemon.stop();
  },
};

const subject: Subject = await lives(operations, new LinkWatch());
serve(subject);
