import { NetError } from "../../base/errors.ts";
import { didYouMean } from "../text/nearest.ts";
import { Field, refusal, unknownKey } from "./field.ts";
import { Notices, REFUSED_TOP_KEYS } from "./keys.ts";
import { replicaRoom } from "./ports.ts";
import type { Dependency, Project, ProjectNetwork, Service } from "./project.ts";
import { readNetwork } from "./read-network.ts";
import { readService, type ServiceDraft } from "./read-service.ts";
import { parseTree } from "./tree.ts";

export interface ComposeInput {
  /** The file's name as messages show it. */
  readonly file: string;
  /** Absolute folder in which the file lies. */
  readonly directory: string;
  readonly text: string;
  /** What `${NAME}` stands for: the caller's environment over the `.env` file. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `-p`; wins over the file's own `name`. */
  readonly projectName?: string | undefined;
  /** Active profiles. */
  readonly profiles: readonly string[];
  /** `--scale`; wins over the file's numbers. */
  readonly scale: ReadonlyMap<string, number>;
  readonly ignoreUnsupported: boolean;
}

const TOP_KEYS = ["name", "services", "networks", "version"];
const NAME_FORM = "use lower-case letters, digits, dashes and underscores, beginning with a letter or digit";

/**
 * Compose file to project. Pure: files that the file names are not read. Throws `invalid` naming file, line, path, value
 * and what is right, or `unsupported` with one line for each key netdock will not honour.
 */
export function parseCompose(input: ComposeInput): {
  readonly project: Project;
  readonly warnings: readonly string[];
} {
  const notices = new Notices();
  const root = readRoot(input, notices);
  const top = new Map(root.entries("write a map"));
  const name = projectName(input, top.get("name"));
  checkTop(top, notices);
  const drafts = readServices(root, top.get("services"), notices);
  const active = activeDrafts(drafts, input.profiles);
  applyScale(drafts, input.scale);
  for (const draft of active) link(draft, active, drafts);
  for (const draft of active) checkReplicas(draft.service);
  checkCycles(active);
  const networks = usedNetworks(active, top.get("networks"), name, notices);
  const warnings = notices.settle(input.ignoreUnsupported);
  for (const { service } of active) if (service.command.length === 0) throw noCommand(service);
  const services = active.map(({ service }): Service => service);
  return { project: { name, file: input.file, directory: input.directory, services, networks }, warnings };
}

/** The name of the project in a file, without looking at the rest. */
export function composeName(input: Pick<ComposeInput, "file" | "directory" | "text" | "env">): string {
  const root = readRoot(input, new Notices());
  return projectName({ ...input, projectName: undefined }, new Map(root.entries("write a map")).get("name"));
}

function readRoot(input: Pick<ComposeInput, "file" | "text" | "env">, notices: Notices): Field {
  const lookup = (name: string): string | undefined => input.env[name];
  const onUnset = (name: string): void =>
    notices.say(`the variable ${name} is not set, an empty text is used`);
  const tree = parseTree({ file: input.file, text: input.text, lookup, onUnset });
  const root = new Field(input.file, "", tree);
  if (tree.kind === "map") return root;
  throw refusal(
    { ...root.place(), path: "services" },
    undefined,
    "a Compose file is a map with the key services",
  );
}

/** The name a folder gives its project: lower case, what a name may not hold left out; `default` if nothing is left. */
export function normaliseName(text: string): string {
  const name = text.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "");
  return name.replace(/^[_-]+/, "") || "default";
}

export function isProjectName(text: string): boolean {
  return /^[a-z0-9][a-z0-9_-]*$/.test(text);
}

function projectName(
  input: Pick<ComposeInput, "directory" | "projectName">,
  named: Field | undefined,
): string {
  if (input.projectName !== undefined) {
    if (isProjectName(input.projectName)) return input.projectName;
    throw new NetError("invalid", "compose.parse", {
      message: `--project-name: ${JSON.stringify(input.projectName)} is no name of a project: ${NAME_FORM}`,
      field: "--project-name",
      value: input.projectName,
    });
  }
  if (named === undefined) return normaliseName(input.directory.slice(input.directory.lastIndexOf("/") + 1));
  const text = named.name(NAME_FORM);
  if (!isProjectName(text)) throw named.fail(NAME_FORM);
  return text;
}

function checkTop(top: ReadonlyMap<string, Field>, notices: Notices): void {
  for (const [key, field] of top) {
    const refused = Object.hasOwn(REFUSED_TOP_KEYS, key) ? REFUSED_TOP_KEYS[key] : undefined;
    if (refused !== undefined) notices.refuse(field, refused);
    else if (!TOP_KEYS.includes(key) && !key.startsWith("x-")) {
      throw unknownKey(field, key, [...TOP_KEYS, ...Object.keys(REFUSED_TOP_KEYS)]);
    }
  }
}

function readServices(root: Field, field: Field | undefined, notices: Notices): ServiceDraft[] {
  const right = "write a map of services, each with a command";
  if (field === undefined)
    throw refusal({ ...root.place(), path: "services" }, undefined, `missing: ${right}`);
  const services = field.isNull ? [] : field.entries(right);
  return services.map(([name, value]) => {
    if (/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(name)) return readService(value, name, notices);
    throw refusal(
      value,
      undefined,
      "a service's name holds letters, digits, dots, dashes and underscores only",
    );
  });
}

function activeDrafts(drafts: readonly ServiceDraft[], profiles: readonly string[]): ServiceDraft[] {
  return drafts.filter(
    (draft) =>
      draft.profiles.length === 0 ||
      profiles.includes("*") ||
      draft.profiles.some((name) => profiles.includes(name)),
  );
}

function applyScale(drafts: readonly ServiceDraft[], scale: ReadonlyMap<string, number>): void {
  for (const [name, replicas] of scale) {
    const draft = drafts.find(({ service }) => service.name === name);
    if (draft !== undefined) draft.service.replicas = replicas;
    else {
      const names = drafts.map(({ service }) => service.name);
      throw new NetError("invalid", "compose.parse", {
        message: `--scale: there is no service ${JSON.stringify(name)}${didYouMean(name, names)}`,
        field: "--scale",
        value: name,
      });
    }
  }
}

/** Turns what a service wants of others into dependencies and aliases, now that all are known. */
function link(draft: ServiceDraft, active: readonly ServiceDraft[], all: readonly ServiceDraft[]): void {
  const dependencies = new Map<string, Dependency>();
  for (const { service: name, condition, required, at } of draft.wants) {
    const target = active.find(({ service }) => service.name === name)?.service;
    if (target === undefined) {
      if (!required) continue;
      const isInactive = all.some(({ service }) => service.name === name);
      const why = isInactive
        ? `the service ${JSON.stringify(name)} belongs to a profile that is not active (--profile)`
        : `there is no service ${JSON.stringify(name)}${didYouMean(
            name,
            all.map(({ service }) => service.name),
          )}`;
      throw refusal(at, undefined, why);
    }
    if (condition === "service_healthy" && target.healthcheck === undefined) {
      throw refusal(at, undefined, `${name} has no healthcheck: give it one, or wait for service_started`);
    }
    const known = dependencies.get(name);
    // `links` beside `depends_on` never weakens what the latter asks for.
    if (known === undefined || condition !== "service_started")
      dependencies.set(name, { service: name, condition });
  }
  draft.service.dependsOn = [...dependencies.values()];
  for (const { service: name, alias, at } of draft.linkAliases) {
    addLinkAlias(draft, active, name, alias, at);
  }
}

/**
 * A link's alias becomes a name of the target on the networks both share. Unlike Docker's it can be seen by all of that
 * network, so it may not stand for two services.
 */
function addLinkAlias(
  draft: ServiceDraft,
  active: readonly ServiceDraft[],
  name: string,
  alias: string,
  at: Field,
): void {
  for (const { service: other } of active) {
    const isTaken = other.name === alias || other.networks.some((network) => network.aliases.includes(alias));
    if (other.name !== name && isTaken) {
      throw refusal(at, JSON.stringify(alias), `${other.name} answers to this name already: take another`);
    }
  }
  const target = active.find(({ service }) => service.name === name)?.service;
  if (target === undefined) return;
  const shared = new Set(draft.service.networks.map((network) => network.key));
  target.networks = target.networks.map((network) =>
    shared.has(network.key) && !network.aliases.includes(alias)
      ? { ...network, aliases: [...network.aliases, alias] }
      : network,
  );
}

/** What only one sandbox can have is refused for a service of several. */
function checkReplicas(service: Service): void {
  const count = service.replicas;
  if (count < 2) return;
  const once = (what: string): string =>
    `only one sandbox can have ${what}, and ${service.name} has ${count} replicas`;
  if (service.containerName !== undefined)
    throw refusal(service.place, undefined, once("this container_name"));
  for (const network of service.networks) {
    if (network.ipv4 !== undefined) throw refusal(network.place, network.ipv4, once("this address"));
    if (network.ipv6 !== undefined) throw refusal(network.place, network.ipv6, once("this address"));
    if (network.mac !== undefined) throw refusal(network.place, network.mac, once("this MAC address"));
  }
  for (const port of service.ports) {
    if (replicaRoom(port) < count) {
      const remedy = `publish a range of ${count} host ports, or none, so that each takes a free one`;
      throw refusal(port.place, undefined, `${once("a host port")}: ${remedy}`);
    }
  }
}

function checkCycles(drafts: readonly ServiceDraft[]): void {
  const services = new Map(drafts.map(({ service }) => [service.name, service]));
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const at = path.indexOf(name);
    const service = services.get(name);
    if (service === undefined || done.has(name)) return;
    if (at >= 0) {
      const circle = [...path.slice(at), name].join(" → ");
      throw refusal(service.place, undefined, `these services wait for each other: ${circle}`);
    }
    for (const dependency of service.dependsOn) visit(dependency.service, [...path, name]);
    done.add(name);
  };
  for (const name of services.keys()) visit(name, []);
}

function usedNetworks(
  drafts: readonly ServiceDraft[],
  field: Field | undefined,
  project: string,
  notices: Notices,
): ProjectNetwork[] {
  const declared = new Map<string, ProjectNetwork>();
  if (field !== undefined && !field.isNull) {
    for (const [key, value] of field.entries("write a map of networks, like front: {driver: bridge}")) {
      if (key.startsWith("x-")) continue;
      declared.set(key, readNetwork(value, key, project, notices));
    }
  }
  const used = new Map<string, ProjectNetwork>();
  for (const { service } of drafts) {
    for (const { key, place } of service.networks) {
      const network = declared.get(key) ?? (key === "default" ? defaultNetwork(project, place) : undefined);
      if (network === undefined) {
        const remedy = didYouMean(key, declared.keys()) || ": declare it under the top-level networks:";
        throw refusal(place, undefined, `there is no network ${JSON.stringify(key)}${remedy}`);
      }
      used.set(key, network);
    }
  }
  return [...used.values()];
}

function defaultNetwork(project: string, place: ProjectNetwork["place"]): ProjectNetwork {
  return {
    key: "default",
    name: `${project}_default`,
    external: false,
    internal: false,
    options: {},
    labels: {},
    place: { ...place, path: "networks.default" },
  };
}

function noCommand(service: Service): NetError {
  return refusal(
    service.place,
    undefined,
    'neither command nor entrypoint says what to run (there is no image to take it from): write command: ["node", "web.mjs"]',
  );
}
