import { isNetError, NetError } from "../../../base/errors.ts";
import type { Engine } from "../../../engine/contract.ts";
import type { ContainerNetwork, ContainerSpec } from "../../../model/container.ts";
import type { EndpointRequest } from "../../../model/endpoint.ts";
import type { Network } from "../../../model/network.ts";
import { endpointRequest } from "../endpoint-settings.ts";
import type { CreateBody } from "./create-body.ts";
import { DEFAULT_PATH, requireHostImage } from "./image.ts";
import { exposeTexts, publishTexts } from "./ports.ts";
import { cleanRef } from "./ref.ts";
import { refuseUnsupported } from "./refusals.ts";
import { parseSignal } from "./signals.ts";

const OP = "container.create";
const SIGTERM = 15;

/** What of a request the engine does not look at, and `inspect` shows. */
export interface Asked {
  readonly entrypoint: readonly string[] | null;
  readonly cmd: readonly string[] | null;
  readonly env: readonly string[];
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly stopSignal: string;
  readonly networkMode: string;
  readonly portBindings: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[]>>;
  readonly links: readonly string[];
  readonly user: string;
}

/** The engine's request for Docker's. Throws `invalid`, `unsupported` or `not_found` in Docker's words where it has some. */
export function containerSpec(engine: Engine, body: CreateBody): ContainerSpec {
  requireHostImage(body.Image);
  refuseUnsupported(body);
  const command = [...(body.Entrypoint ?? []), ...(body.Cmd ?? [])];
  if (command.length === 0 || command[0] === "") throw refuse("no command specified", "Cmd");
  const host = body.HostConfig;
  const networkMode = ["", "default"].includes(host.NetworkMode) ? "bridge" : host.NetworkMode;
  const network = networkOf(engine, networkMode, body);
  const shares = network.kind === "container" || networkMode === "host";
  if (shares) refuseShared(body, networkMode);
  const asked: Asked = {
    entrypoint: body.Entrypoint ?? null,
    cmd: body.Cmd ?? null,
    env: body.Env,
    attach: { stdin: body.AttachStdin, stdout: body.AttachStdout, stderr: body.AttachStderr },
    stopSignal: body.StopSignal,
    networkMode: network.kind === "container" ? `container:${network.id}` : networkMode,
    portBindings: host.PortBindings,
    links: host.Links,
    user: body.User,
  };
  return {
    command,
    env: environment(body),
    workingDir: body.WorkingDir === "" ? undefined : body.WorkingDir,
    tty: body.Tty,
    stdin: body.OpenStdin,
    stdinOnce: body.StdinOnce,
    stopSignal: body.StopSignal === "" ? SIGTERM : parseSignal(body.StopSignal),
    stopTimeoutSeconds: body.StopTimeout,
    hostname: body.Hostname === "" ? undefined : body.Hostname,
    domainname: body.Domainname === "" ? undefined : body.Domainname,
    labels: { ...body.Labels },
    network,
    // As in Docker: with the host's network there is nothing to publish.
    publish: networkMode === "host" || networkMode === "none" ? [] : publishTexts(host.PortBindings),
    expose: exposeTexts(body.ExposedPorts),
    publishAll: host.PublishAllPorts && !shares && networkMode !== "none",
    dns: { servers: host.Dns, search: host.DnsSearch, options: host.DnsOptions },
    extraHosts: host.ExtraHosts,
    sysctls: { ...host.Sysctls },
    autoRemove: host.AutoRemove,
    asked,
  };
}

/** moby, container.CreateDaemonEnvironment: a PATH, a terminal's kind, and what was asked for. */
function environment({ Env, Tty }: CreateBody): string[] {
  const values = new Map<string, string>();
  for (const line of [DEFAULT_PATH, ...(Tty ? ["TERM=xterm"] : []), "HOME=/root", ...Env]) {
    const at = line.indexOf("=");
    // A name without a value takes it out.
    if (at < 0) values.delete(line);
    else values.set(line.slice(0, at), line);
  }
  return [...values.values()];
}

function networkOf(engine: Engine, mode: string, body: CreateBody): ContainerNetwork {
  const settings = body.NetworkingConfig.EndpointsConfig;
  if (mode.startsWith("container:")) {
    if (Object.keys(settings).length > 0) {
      throw refuse(
        "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
        "NetworkMode",
      );
    }
    const ref = cleanRef(mode.slice("container:".length));
    // Whether there is one is the start's to say, as in Docker.
    const known = engine.containers.list().find(({ id, name }) => name === ref || id.startsWith(ref));
    return { kind: "container", id: known?.id ?? ref };
  }
  const names = Object.keys(settings).map((name) => (name === "default" ? "bridge" : name));
  const primary = settingsName(engine, mode, names) ?? mode;
  const all = [primary, ...names.filter((name) => name !== primary)];
  const networks = all.map((name): EndpointRequest => {
    const known = settings[name] ?? (name === "bridge" ? settings["default"] : undefined);
    const network = find(engine, name);
    // What it is missing for is the start's to say, as in Docker.
    const request =
      network === undefined ? { network: name } : { ...endpointRequest(network, known), network: name };
    const links = name === primary && known?.Links.length === 0 ? body.HostConfig.Links : [];
    const mac = name === primary && body.MacAddress !== "" ? { mac: body.MacAddress } : {};
    const own = known === undefined ? body.HostConfig.Links : links;
    return { ...mac, ...request, ...(name === primary && own.length > 0 ? { links: own } : {}) };
  });
  return { kind: "own", networks };
}

/** The mode may name a network by its id, the settings by its name. */
function settingsName(engine: Engine, mode: string, names: readonly string[]): string | undefined {
  if (names.includes(mode)) return mode;
  const id = find(engine, mode)?.id;
  return id === undefined ? undefined : names.find((name) => find(engine, name)?.id === id);
}

function find(engine: Engine, ref: string): Network | undefined {
  try {
    return engine.network(ref);
  } catch (error) {
    if (isNetError(error, "not_found")) return undefined;
    throw error;
  }
}

/** moby, runconfig.validateNetMode. */
function refuseShared(body: CreateBody, mode: string): void {
  const host = body.HostConfig;
  const container = mode.startsWith("container:");
  const kind = container ? "container type network" : "host type networking";
  if (body.Hostname !== "" && container)
    throw refuse("conflicting options: hostname and the network mode", "Hostname");
  if (host.Links.length > 0)
    throw refuse(
      `conflicting options: ${kind} can't be used with links. This would result in undefined behavior`,
      "Links",
    );
  if (!container) return;
  if (host.Dns.length > 0) throw refuse("conflicting options: dns and the network mode", "Dns");
  if (host.ExtraHosts.length > 0)
    throw refuse("conflicting options: custom host-to-IP mapping and the network mode", "ExtraHosts");
  if (Object.keys(host.PortBindings).length > 0 || host.PublishAllPorts) {
    throw refuse("conflicting options: port publishing and the container type network mode", "PortBindings");
  }
  if (Object.keys(body.ExposedPorts).length > 0) {
    throw refuse("conflicting options: port exposing and the container type network mode", "ExposedPorts");
  }
}

function refuse(message: string, field: string): NetError {
  return new NetError("invalid", OP, { message, field });
}
