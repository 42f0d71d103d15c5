import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { errorText, NetError } from "../../base/errors.ts";
import { parseEnvFile } from "./env-file.ts";
import { refusal } from "./field.ts";
import { composeName, parseCompose } from "./parse.ts";
import type { EnvFile, Project, Service } from "./project.ts";

/** Names looked for, in this order; the first two are the Compose Specification's, the others Docker's older ones. */
const DEFAULT_FILES = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

export interface LoadRequest {
  readonly file: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly projectName?: string | undefined;
  readonly profiles: readonly string[];
  readonly scale: ReadonlyMap<string, number>;
  readonly ignoreUnsupported: boolean;
}

export interface LoadedProject {
  readonly project: Project;
  /** Absolute path of the file. */
  readonly path: string;
  readonly warnings: readonly string[];
  /** Environment of each service by its name, env files and the caller's values filled in. */
  readonly environments: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** The Compose file in this folder, or undefined. */
export async function findComposeFile(cwd: string): Promise<string | undefined> {
  for (const name of DEFAULT_FILES) {
    // In order: the first that exists wins.
    // oxlint-disable-next-line no-await-in-loop
    const found = await stat(join(cwd, name)).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (found) return name;
  }
  return undefined;
}

/** Finds, reads and checks a Compose file and every file it names. Throws NetErrors. */
export async function loadProject(request: LoadRequest): Promise<LoadedProject> {
  const file = request.file ?? (await findComposeFile(request.cwd));
  if (file === undefined) {
    throw new NetError("not_found", "compose.load", {
      message: `there is no ${DEFAULT_FILES[0]} in ${request.cwd}`,
      remedy: "name the file: netdock up FILE",
    });
  }
  const path = resolve(request.cwd, file);
  const text = await readText(path, file);
  const directory = dirname(path);
  const env = { ...(await dotEnv(directory, request.env)), ...request.env };
  const profiles = [
    ...request.profiles,
    ...(env["COMPOSE_PROFILES"] ?? "").split(",").filter((name) => name !== ""),
  ];
  const projectName = request.projectName ?? (env["COMPOSE_PROJECT_NAME"] || undefined);
  const { project, warnings } = parseCompose({
    ...request,
    file,
    directory,
    text,
    env,
    profiles,
    projectName,
  });
  const environments = new Map<string, ReadonlyMap<string, string>>();
  for (const service of project.services) {
    // One after the other: a project names a handful of files, and the first wrong one is the one to report.
    // oxlint-disable-next-line no-await-in-loop
    environments.set(service.name, await environmentOf(service, directory, env));
  }
  return { project, path, warnings, environments };
}

/** The name of a file's project. Reads no more than that, so that `down` works with a file that `up` would now refuse. */
export async function projectNameOf(
  request: Pick<LoadRequest, "cwd" | "env"> & { readonly file: string },
): Promise<string> {
  const path = resolve(request.cwd, request.file);
  const directory = dirname(path);
  const env = { ...(await dotEnv(directory, request.env)), ...request.env };
  const text = await readText(path, request.file);
  return env["COMPOSE_PROJECT_NAME"] || composeName({ file: request.file, directory, text, env });
}

async function readText(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new NetError(isMissing ? "not_found" : "invalid", "compose.load", {
      message: isMissing ? `there is no file ${shown}` : `${shown} cannot be read: ${errorText(error)}`,
      subject: shown,
      cause: error,
    });
  }
}

async function dotEnv(
  directory: string,
  caller: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const path = join(directory, ".env");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new NetError("invalid", "compose.load", {
      message: `.env cannot be read: ${errorText(error)}`,
      cause: error,
    });
  }
  const out: Record<string, string> = {};
  for (const { name, value } of checkedLines(text, ".env", caller, false))
    if (value !== null) out[name] = value;
  return out;
}

function checkedLines(
  text: string,
  shown: string,
  env: Readonly<Record<string, string | undefined>>,
  raw: boolean,
): readonly { readonly name: string; readonly value: string | null }[] {
  const result = parseEnvFile(text, (name) => env[name], raw);
  if ("lines" in result) return result.lines;
  throw new NetError("invalid", "compose.load", {
    message: `${shown}:${result.line}: ${result.reason}`,
    subject: shown,
  });
}

/** `env_file`s in order, then `environment`, which wins; a name without a value takes the caller's. */
async function environmentOf(
  service: Service,
  directory: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReadonlyMap<string, string>> {
  const out = new Map<string, string>();
  const put = (name: string, value: string | null): void => {
    const filled = value ?? env[name];
    if (filled === undefined) out.delete(name);
    else out.set(name, filled);
  };
  for (const file of service.envFiles) {
    // Later files win over earlier ones.
    // oxlint-disable-next-line no-await-in-loop
    const text = await envFileText(file, directory);
    if (text === undefined) continue;
    for (const { name, value } of checkedLines(text, file.path, env, file.raw)) put(name, value);
  }
  for (const [name, value] of service.environment) put(name, value);
  return out;
}

async function envFileText(file: EnvFile, directory: string): Promise<string | undefined> {
  try {
    return await readFile(resolve(directory, file.path), "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing && !file.required) return undefined;
    const what = isMissing ? "there is no such file" : errorText(error);
    throw refusal(file.place, JSON.stringify(file.path), what);
  }
}
