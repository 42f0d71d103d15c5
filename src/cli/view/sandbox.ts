import type { EndpointView, PortBinding, SandboxView } from "../client.ts";

/** A published port as programs get it. */
export interface PortRow {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
  /** Ports counted upwards from both. */
  readonly count: number;
  /** Sources that may use it; absent: everybody. */
  readonly from?: readonly string[];
}

/** A sandbox as `ps --json` and `up --json` print it. */
export interface SandboxRow {
  readonly id: string;
  readonly name: string;
  readonly state: SandboxView["state"];
  /** null when no process of ours runs in it. */
  readonly pid: number | null;
  readonly exitCode: number | null;
  readonly command: readonly string[] | null;
  readonly hostname: string;
  readonly created: string;
  readonly netns: string;
  readonly networks: readonly {
    readonly name: string;
    readonly ipv4: string | null;
    readonly ipv6: string | null;
    readonly mac: string | null;
    readonly interface: string | null;
    readonly aliases: readonly string[];
  }[];
  readonly ports: readonly PortRow[];
  readonly labels: Readonly<Record<string, string>>;
}

export function sandboxRow(view: SandboxView): SandboxRow {
  return {
    id: view.id,
    name: view.name,
    state: view.state,
    pid: view.state === "running" ? (view.status?.pid ?? null) : null,
    exitCode: view.status?.exitCode ?? null,
    command: view.process?.command ?? null,
    hostname: view.hostname,
    created: view.created,
    netns: view.netnsPath,
    networks: view.endpoints.map((endpoint) => ({
      name: endpoint.networkName,
      ipv4: bare(endpoint.ipv4),
      ipv6: bare(endpoint.ipv6),
      mac: endpoint.mac ?? null,
      interface: endpoint.interfaceName ?? null,
      aliases: endpoint.aliases,
    })),
    ports: view.bindings.map(portRow),
    labels: view.labels,
  };
}

export function portRow({ hostIp, hostPort, containerPort, protocol, count, from }: PortBinding): PortRow {
  const row = { hostIp, hostPort, containerPort, protocol, count };
  return from === undefined ? row : { ...row, from };
}

/** An address without its prefix length. */
function bare(cidr: string | undefined): string | null {
  return cidr?.split("/")[0] ?? null;
}

/** `front 10.5.0.2, fd00::2`, a line a network. */
export function endpointText(endpoint: EndpointView, shownName: string): string {
  const addresses = [bare(endpoint.ipv4), bare(endpoint.ipv6)].filter((ip) => ip !== null);
  return addresses.length === 0 ? shownName : `${shownName} ${addresses.join(", ")}`;
}

/** `running`, `exited (3)`, `created` */
export function stateText(view: SandboxView): string {
  const code = view.status?.exitCode;
  return view.state === "exited" && code !== undefined ? `exited (${code})` : view.state;
}

/**
 * Bindings as a person reads them, each once: `0.0.0.0:8080` and `[::]:8080` are one port of the host's, and a range is one
 * line. A port that is open at the sandbox's own address stands alone.
 */
export function bindingTexts(bindings: readonly PortBinding[]): string[] {
  const texts = bindings.map((binding) =>
    binding.hostPort === 0 ? targetText(binding) : `${hostText(binding)}→${targetText(binding)}`,
  );
  return [...new Set(texts)];
}

function hostText(binding: PortBinding): string {
  const { hostIp, hostPort, count } = binding;
  const everywhere = hostIp === "0.0.0.0" || hostIp === "::";
  return everywhere ? rangeText(hostPort, count) : hostAddressText(binding);
}

/** `0.0.0.0:8080`, `[::]:8000-8009` */
export function hostAddressText({ hostIp, hostPort, count }: PortBinding): string {
  return `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:${rangeText(hostPort, count)}`;
}

/** `80/tcp`, `8000-8009/udp` */
export function targetText({ containerPort, protocol, count }: PortBinding): string {
  return `${rangeText(containerPort, count)}/${protocol}`;
}

function rangeText(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`;
}

/** Words of a command as a shell would take them. */
export function commandText(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}
