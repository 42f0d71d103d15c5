import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { NetworkRequest, SandboxRequest } from "../client.ts";
import type { Place } from "./field.ts";
import { LABEL } from "./labels.ts";
import type { LoadedProject } from "./load.ts";
import { publishText } from "./ports.ts";
import type { Project, ProjectNetwork, Service } from "./project.ts";

/** What the project asks for, ready to be sent. */
export interface Desired {
  readonly project: string;
  readonly networks: readonly DesiredNetwork[];
  readonly services: readonly DesiredService[];
}

export interface DesiredNetwork {
  readonly key: string;
  readonly name: string;
  readonly external: boolean;
  readonly hash: string;
  readonly request: NetworkRequest;
  readonly place: Place;
}

export interface DesiredService {
  readonly service: Service;
  readonly hash: string;
  /** Replica 1 first. */
  readonly replicas: readonly DesiredReplica[];
}

export interface DesiredReplica {
  readonly service: string;
  readonly number: number;
  readonly name: string;
  readonly hash: string;
  readonly request: SandboxRequest & { readonly process: NonNullable<SandboxRequest["process"]> };
}

/**
 * The requests of a project. Hashes cover all that makes a network or service what it is; the caller's own PATH and the
 * like (`baseEnv`) stay out, so that `up` from another terminal changes nothing.
 */
export function desiredState(loaded: LoadedProject, baseEnv: ReadonlyMap<string, string>): Desired {
  const { project } = loaded;
  const networks = project.networks.map((network) => desiredNetwork(project, network));
  const services = project.services.map((service) => desiredService(loaded, service, networks, baseEnv));
  return { project: project.name, networks, services };
}

function desiredNetwork(project: Project, network: ProjectNetwork): DesiredNetwork {
  const { ipam } = network;
  const request: NetworkRequest = {
    name: network.name,
    internal: network.internal,
    ...(network.driver === undefined ? {} : { driver: network.driver }),
    ...(network.enableIPv4 === undefined ? {} : { enableIPv4: network.enableIPv4 }),
    ...(network.enableIPv6 === undefined ? {} : { enableIPv6: network.enableIPv6 }),
    ...(ipam === undefined ? {} : { ipam }),
    options: network.options,
  };
  const hash = hashOf({ request, labels: network.labels });
  const labels = {
    ...network.labels,
    [LABEL.project]: project.name,
    [LABEL.network]: network.key,
    [LABEL.configHash]: hash,
  };
  return {
    key: network.key,
    name: network.name,
    external: network.external,
    hash,
    request: { ...request, labels },
    place: network.place,
  };
}

function desiredService(
  loaded: LoadedProject,
  service: Service,
  networks: readonly DesiredNetwork[],
  baseEnv: ReadonlyMap<string, string>,
): DesiredService {
  const { project } = loaded;
  const environment = loaded.environments.get(service.name) ?? new Map<string, string>();
  const joined = service.networks.map(({ key }) => networks.find((network) => network.key === key));
  const {
    dependsOn: _order,
    replicas: _scale,
    healthcheck: _checked,
    place: _place,
    envFiles: _read,
    ...rest
  } = service;
  const hash = hashOf({
    ...rest,
    environment: [...environment].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    directory: project.directory,
    networks: service.networks.map(({ place: _at, ...network }) => network),
    ports: service.ports.map(({ place: _at, ...port }) => port),
    joined: joined.map((network) => [network?.name, network?.hash]),
  });
  const replicas = Array.from({ length: service.replicas }, (_, i) =>
    desiredReplica({ loaded, service, number: i + 1, hash, networks, environment, baseEnv }),
  );
  return { service, hash, replicas };
}

function desiredReplica(of: {
  loaded: LoadedProject;
  service: Service;
  number: number;
  hash: string;
  networks: readonly DesiredNetwork[];
  environment: ReadonlyMap<string, string>;
  baseEnv: ReadonlyMap<string, string>;
}): DesiredReplica {
  const { service, number, hash } = of;
  const { project } = of.loaded;
  const name = service.containerName ?? `${project.name}-${service.name}-${number}`;
  const env = new Map([...of.baseEnv, ...of.environment]);
  const dns = { servers: service.dns, search: service.dnsSearch, options: service.dnsOptions };
  const request: DesiredReplica["request"] = {
    name,
    ...(service.hostname === undefined ? {} : { hostname: service.hostname }),
    ...(service.domainname === undefined ? {} : { domainname: service.domainname }),
    labels: { ...service.labels, ...ownLabels(of.loaded, service, number, hash) },
    networks: endpoints(service, of.networks),
    publish: service.ports.map((port) => publishText(port, number)),
    ...(Object.values(dns).every((list) => list.length === 0) ? {} : { dns }),
    extraHosts: service.extraHosts,
    sysctls: service.sysctls,
    process: {
      command: service.command,
      env: [...env].map(([key, value]) => `${key}=${value}`),
      workingDir: resolve(project.directory, service.workingDir ?? "."),
    },
  };
  return { service: service.name, number, name, hash, request };
}

function endpoints(
  service: Service,
  networks: readonly DesiredNetwork[],
): NonNullable<SandboxRequest["networks"]> {
  if (service.networkMode !== undefined) return [{ network: service.networkMode }];
  return service.networks.map((network) => ({
    network: networks.find(({ key }) => key === network.key)?.name ?? network.key,
    aliases: [...new Set([service.name, ...network.aliases])],
    ...(network.ipv4 === undefined ? {} : { ipv4: network.ipv4 }),
    ...(network.ipv6 === undefined ? {} : { ipv6: network.ipv6 }),
    ...(network.mac === undefined ? {} : { mac: network.mac }),
    ...(network.gwPriority === undefined ? {} : { gwPriority: network.gwPriority }),
    ...(network.interfaceName === undefined ? {} : { interfaceName: network.interfaceName }),
    ...(Object.keys(network.options).length === 0 ? {} : { options: network.options }),
  }));
}

function ownLabels(
  loaded: LoadedProject,
  service: Service,
  number: number,
  hash: string,
): Record<string, string> {
  const protocols = service.ports.flatMap(({ target, appProtocol }) =>
    appProtocol === undefined ? [] : [`${target.first}=${appProtocol}`],
  );
  return {
    [LABEL.project]: loaded.project.name,
    [LABEL.service]: service.name,
    [LABEL.number]: String(number),
    [LABEL.configHash]: hash,
    [LABEL.configFiles]: loaded.path,
    [LABEL.workingDir]: loaded.project.directory,
    ...(service.dependsOn.length === 0
      ? {}
      : { [LABEL.dependsOn]: service.dependsOn.map((dependency) => dependency.service).join(",") }),
    ...(service.stopSignal === undefined ? {} : { [LABEL.stopSignal]: service.stopSignal }),
    ...(service.stopGraceMs === undefined ? {} : { [LABEL.stopGraceMs]: String(service.stopGraceMs) }),
    ...(protocols.length === 0 ? {} : { [LABEL.appProtocols]: protocols.join(",") }),
  };
}

/** SHA-256 over JSON with sorted keys: the same content gives the same hash whatever the order in the file. */
function hashOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value instanceof Map) return sorted(Object.fromEntries(value));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
