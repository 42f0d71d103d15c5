// The engine in this process, as the library has it: no HTTP in between.
import { join } from "node:path";
import { assembleEngine } from "../src/app/assemble.ts";
import type { Engine } from "../src/engine/contract.ts";
import { lives, type Lifecycles } from "./lib/lives.ts";
import { serve, type Subject } from "./lib/subject.ts";
import { LinkWatch, memoryOf, refuseMachine } from "./lib/timing.ts";

const [machine, runDir = "", stateDir = ""] = process.argv.slice(2);
refuseMachine(machine);

const problems: string[] = [];
const note = (facts: object, message: string): void =>
  void problems.push(`${message} ${JSON.stringify(facts)}`);
const engine: Engine = await assembleEngine({
  runDir: join(runDir, "engine"),
  stateDir: join(stateDir, "engine"),
  log: { info: () => undefined, warn: note, error: note },
  clock: { now: () => Date.now() },
  defaultBridge: "netdock0",
});

const operations: Lifecycles = {
  createNetwork: async (request) => void (await engine.createNetwork(request)),
  removeNetwork: (name) => engine.removeNetwork(name),
  createSandbox: async (request) => void (await engine.createSandbox(request)),
  attach: async (sandbox, network) => (await engine.connect(sandbox, { network })).hostInterface,
  detach: (sandbox, network) => engine.disconnect(sandbox, network),
  removeSandbox: (sandbox) => engine.removeSandbox(sandbox, { force: false }),
  memory: () => memoryOf(process.pid),
  async close() {
    await engine.close();
    if (problems.length > 0) throw new Error(`the engine complained:\n${problems.slice(0, 5).join("\n")}`);
  },
};

const subject: Subject = await lives(operations, new LinkWatch());
serve(subject);
