import type { PortBinding, SandboxView } from "../client.ts";
import { LABEL } from "../compose/labels.ts";
import { formatTable } from "../text/table.ts";
import { endpointText, type SandboxRow, sandboxRow, stateText } from "./sandbox.ts";

/** A sandbox of a project as programs get it. */
export interface ServiceRow extends SandboxRow {
  readonly service: string;
  /** `http://localhost:8080` */
  readonly urls: readonly string[];
}

export function serviceRow(view: SandboxView): ServiceRow {
  return { service: view.labels[LABEL.service] ?? "", ...sandboxRow(view), urls: urlsOf(view) };
}

/** Services by name, replicas by number. */
export function inOrder(views: readonly SandboxView[]): SandboxView[] {
  const key = (view: SandboxView): readonly [string, number, string] => [
    view.labels[LABEL.service] ?? "",
    Number(view.labels[LABEL.number] ?? 0),
    view.name,
  ];
  return views.toSorted((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x[0] !== y[0]) return x[0] < y[0] ? -1 : 1;
    if (x[1] !== y[1]) return x[1] - y[1];
    return x[2] < y[2] ? -1 : 1;
  });
}

/** Who is where, and reachable how. */
export function projectTable(project: string, views: readonly SandboxView[]): string {
  const rows = inOrder(views).map((view) => [
    view.labels[LABEL.service] ?? "",
    view.name,
    stateText(view),
    view.endpoints
      .map((endpoint) => endpointText(endpoint, networkKey(project, endpoint.networkName)))
      .join("\n"),
    urlsOf(view).join("\n"),
  ]);
  return formatTable(["SERVICE", "SANDBOX", "STATE", "ADDRESSES", "REACHABLE AT"], rows);
}

/** Within its project a network goes by the name it has in the file. */
function networkKey(project: string, name: string): string {
  return name.startsWith(`${project}_`) ? name.slice(project.length + 1) : name;
}

/** Each published port once, as one would type it on this host. */
export function urlsOf(view: SandboxView): string[] {
  return [...new Set(view.bindings.map((binding) => urlOf(binding, view)))];
}

/** Ports whose protocol everybody knows; for others the file can say `app_protocol`. */
const WELL_KNOWN: Readonly<Record<number, string>> = {
  80: "http",
  443: "https",
  8000: "http",
  8080: "http",
  8443: "https",
};

function urlOf(binding: PortBinding, view: SandboxView): string {
  const { hostPort, containerPort, protocol, count } = binding;
  const said = view.labels[LABEL.appProtocols]
    ?.split(",")
    .find((pair) => pair.startsWith(`${containerPort}=`));
  const scheme = said?.slice(said.indexOf("=") + 1) ?? WELL_KNOWN[containerPort];
  const host = hostOf(binding, view);
  // Without a port of the host's the sandbox's own is asked, at its own address.
  const first = hostPort === 0 ? containerPort : hostPort;
  if (protocol === "tcp" && count === 1 && scheme !== undefined) return `${scheme}://${host}:${first}`;
  const ports = count === 1 ? String(first) : `${first}-${first + count - 1}`;
  return `${host}:${ports}/${protocol}`;
}

function hostOf({ hostIp, hostPort, endpointId }: PortBinding, view: SandboxView): string {
  const isV6 = hostIp.includes(":");
  if (hostPort !== 0 && (hostIp === "0.0.0.0" || hostIp === "::")) return "localhost";
  const endpoint = view.endpoints.find(({ id }) => id === endpointId);
  const own = (isV6 ? endpoint?.ipv6 : endpoint?.ipv4)?.split("/")[0];
  const ip = hostPort === 0 && own !== undefined ? own : hostIp;
  return ip.includes(":") ? `[${ip}]` : ip;
}
