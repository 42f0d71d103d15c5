import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { errorText } from "../base/errors.ts";
import { parseEnvFile } from "./compose/env-file.ts";
import type { CliContext } from "./context.ts";
import { badFlag, type Flags } from "./flags.ts";

/** What a command needs of its surroundings to work at all; everything else would make it depend on who starts it. */
const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The environment a command begins with, before `-e` and `environment:`. */
export function baseEnvironment(context: CliContext, hasTerminal: boolean): Map<string, string> {
  const out = new Map<string, string>([["PATH", DEFAULT_PATH]]);
  for (const name of hasTerminal ? [...PASSED_ON, "TERM", "COLORTERM"] : PASSED_ON) {
    const value = context.env[name];
    if (value !== undefined && value !== "") out.set(name, value);
  }
  return out;
}

/** `--env-file` in order, then `-e`, over the base. As in Docker: files are raw lines, a name alone takes the caller's value. */
export async function environmentOf(
  context: CliContext,
  flags: Flags,
  hasTerminal: boolean,
): Promise<readonly string[]> {
  const out = baseEnvironment(context, hasTerminal);
  const put = (name: string, value: string | null): void => {
    const filled = value ?? context.env[name];
    if (filled !== undefined) out.set(name, filled);
  };
  for (const file of flags.list("envFile")) {
    // Later files win over earlier ones.
    // oxlint-disable-next-line no-await-in-loop
    for (const { name, value } of await readLines(context, "--env-file", file)) put(name, value);
  }
  for (const item of flags.list("env")) {
    const at = item.indexOf("=");
    if (at === 0 || item === "")
      throw badFlag("--env", item, "write NAME=value, or a NAME to take your own value");
    if (at < 0) put(item, null);
    else put(item.slice(0, at), item.slice(at + 1));
  }
  return [...out].map(([name, value]) => `${name}=${value}`);
}

/** `--label-file` in order, then `--label`. */
export async function labelsOf(context: CliContext, flags: Flags): Promise<Readonly<Record<string, string>>> {
  const out: Record<string, string> = {};
  for (const file of flags.list("labelFile")) {
    // Later files win over earlier ones.
    // oxlint-disable-next-line no-await-in-loop
    for (const { name, value } of await readLines(context, "--label-file", file)) out[name] = value ?? "";
  }
  return { ...out, ...flags.pairs("label") };
}

async function readLines(
  context: CliContext,
  flag: string,
  file: string,
): Promise<readonly { readonly name: string; readonly value: string | null }[]> {
  const text = await readFile(resolve(context.cwd, file), "utf8").catch((error: unknown) => {
    throw badFlag(flag, file, `it cannot be read (${errorText(error)})`);
  });
  const result = parseEnvFile(text, () => undefined, true);
  if ("lines" in result) return result.lines;
  throw badFlag(flag, file, `line ${result.line}: ${result.reason}`);
}
