// A replicated register: the smallest distributed system that can be wrong about a partition. Every node keeps one value
// with a version. A write asks all nodes for their version and then gives them a higher one; it counts when a majority took
// it. A read asks all nodes, and counts when a majority answered.
//
//   GET  /         the value           PUT  /         write it
//   GET  /replica  this node's copy    PUT  /replica  take this copy, if it is newer
import { createServer, type IncomingMessage } from "node:http";

interface Copy {
  readonly version: number;
  readonly value: string;
}

const name = process.env["NAME"] ?? "";
const nodes = (process.env["NODES"] ?? "").split(",");
const majority = Math.floor(nodes.length / 2) + 1;
/** A node that does not answer for so long counts as gone. */
const PATIENCE_MS = 1_000;

let copy: Copy = { version: 0, value: "" };

function take(offered: Copy): Copy {
  if (offered.version > copy.version) copy = offered;
  return copy;
}

/** Asks every node, oneself included, and gives the answers there are: a majority, or an error. */
async function askAll(offered?: Copy): Promise<Copy[]> {
  const request =
    offered === undefined ? {} : { method: "PUT", body: JSON.stringify(offered), keepalive: false };
  const asked = nodes.map(async (node) => {
    if (node === name) return offered === undefined ? copy : take(offered);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`http://${node}/replica`, { ...request, signal });
    return (await response.json()) as Copy;
  });
  const answers = (await Promise.allSettled(asked)).filter((answer) => answer.status === "fulfilled");
  if (answers.length < majority)
    throw new Error(`${answers.length} of ${nodes.length} nodes answer, too few\n`);
  return answers.map((answer) => answer.value);
}

function newest(copies: readonly Copy[]): Copy {
  return copies.reduce((best, one) => (one.version > best.version ? one : best));
}

async function answer(request: IncomingMessage, body: string): Promise<string> {
  const write = request.method === "PUT";
  if (request.url === "/replica") return JSON.stringify(write ? take(JSON.parse(body) as Copy) : copy);
  const latest = newest(await askAll());
  if (!write) return latest.value;
  await askAll({ version: latest.version + 1, value: body });
  return `written as version ${latest.version + 1}\n`;
}

createServer((request, response) => {
  request.setEncoding("utf8");
  void request
    .toArray()
    .then((parts) => answer(request, parts.join("")))
    .then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(503).end(String(error)),
    );
}).listen(80, "0.0.0.0", () => console.log(`${name} is listening`));
