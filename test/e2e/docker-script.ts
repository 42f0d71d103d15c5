import { readFileSync } from "node:fs";
import { join } from "node:path";
import { docker, DOCKER } from "./docker-cli.ts";
import { ROOT, type World } from "./world.ts";

/** One command of a recorded session, with all that it prints and its exit code if that is not 0. */
export interface Step {
  /** Shell text in which `docker` and `netdock` are commands. */
  readonly command: string;
  /** As in the file: what is printed, lines of stderr behind `! `, and `[code]` at last. */
  readonly expected: string;
}

/**
 * Reads a session: `$ COMMAND`, and below it what comes of it. Lines that begin with `# ` are for readers. `<id>`, `<short>`
 * and `<time>` stand for what differs each time: 64 and 12 hexadecimal digits, and a time.
 */
export function readSession(name: string): readonly Step[] {
  const text = readFileSync(join(ROOT, "test", "e2e", "docker-cli", `${name}.txt`), "utf8");
  const lines = text.split("\n").filter((line) => !line.startsWith("# "));
  const steps: { command: string; expected: string }[] = [];
  for (const line of lines.slice(0, -1)) {
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: "" });
    else (steps.at(-1) as { expected: string }).expected += `${line}\n`;
  }
  return steps;
}

const SHELL = `docker() { ${DOCKER} "$@"; }
netdock() { env NODE_OPTIONS=--disable-warning=ExperimentalWarning ${process.execPath} ${join(ROOT, "src/app/main.ts")} "$@"; }
`;

/** Runs a command on a world's host, against its daemon; gives it in the form of a session. */
export async function perform(world: World, command: string): Promise<string> {
  const { code, stdout, stderr } = await docker(world, { shell: `${SHELL}${command}` });
  const out = [...linesOf(stdout), ...linesOf(stderr).map((line) => (line === "" ? "!" : `! ${line}`))];
  if (code !== 0) out.push(`[${code}]`);
  return generalized(out.map((line) => `${line}\n`).join(""));
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

function generalized(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, "<id>")
    .replaceAll(/\b[0-9a-f]{12}\b/g, "<short>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
}
