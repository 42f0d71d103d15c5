// Somebody's test process that does not clean up: an engine in the folder given, a node that sleeps in it, one line of JSON
// about both; then it ends as told, or waits to be killed.
import { createEngine } from "netdock";

const [dir, ending] = process.argv.slice(2) as [string, "wait" | "exit" | "throw"];

const net = await createEngine({ dir });
await net.createNetwork("front");
const node = await net.start({
  name: "node",
  networks: ["front"],
  // A child of its own in a session of its own: what no signal to a group reaches.
  command: ["sh", "-c", "setsid sleep 3600 & echo started; wait"],
});
await node.line("started");
process.stdout.write(`${JSON.stringify({ sandbox: node.id, networks: net.networks().length })}\n`);

if (ending === "exit") process.exit(0);
if (ending === "throw") throw new Error("a test that went wrong");
// The engine's watch of the kernel keeps the process alive.
