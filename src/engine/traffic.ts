import { addressOf } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import { familyOf, type Family, type Ip, parseIp } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { Network } from "../model/network.ts";
import type { Op, RouteSpec } from "../model/ops.ts";
import type { PortBinding, PortMapping } from "../model/ports.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { defaultRoute, firewallOps } from "../plan/blueprint.ts";
import {
  allowElements,
  diffElements,
  openElements,
  openFromElements,
  publishElements,
  translatable,
} from "../plan/firewall/index.ts";
import { chooseGateway } from "../plan/gateway.ts";
import type { Core } from "./core.ts";
import type { HeldPort, PublishPlace } from "./port-wish.ts";
import type { ProxiedPort } from "./ports.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** An endpoint that receives published traffic of one family. */
export interface Publisher {
  readonly family: Family;
  readonly endpoint: Endpoint;
  readonly network: Network;
  readonly address: Ip;
}

/** Where a sandbox's traffic to and from the world goes, given the endpoints it has. */
export interface Ways {
  /** Default routes, one a family. */
  readonly routes: readonly RouteSpec[];
  /** At most one a family: the holder of the default route, where its driver translates ports of the host's. */
  readonly publishers: readonly Publisher[];
  /** Whose own address published ports are open at, as far as the firewall lets anybody in: every endpoint of a routed network. */
  readonly opened: readonly Publisher[];
}

/** Ports as they are published. */
export interface Published {
  readonly bindings: readonly PortBinding[];
  /** Those whose addresses are translated. */
  readonly elements: readonly FirewallElement[];
  /** Those that the proxy leads. */
  readonly proxied: readonly ProxiedPort[];
}

export const NOTHING: Published = { bindings: [], elements: [], proxied: [] };

/** The ways that belong to exactly these endpoints. Pure but for look-ups. */
export function waysOf(core: Core, endpoints: readonly Endpoint[]): Ways {
  const candidates = core.candidates(endpoints);
  const routes: RouteSpec[] = [];
  const publishers: Publisher[] = [];
  const opened: Publisher[] = [];
  for (const family of FAMILIES) {
    const gateway = chooseGateway(candidates, family);
    for (const { endpoint, network } of candidates) {
      const publisher = publisherOf(core, endpoint, network, family);
      if (publisher === undefined) continue;
      const { translates, opens } = publishingOf(core, network, family);
      const isGateway = gateway?.endpoint === endpoint;
      if (translates && isGateway) publishers.push(publisher);
      if (opens && (isGateway || !translates)) opened.push(publisher);
    }
    if (gateway === undefined) continue;
    const { endpoint } = gateway;
    if (endpoint.interfaceName !== undefined) {
      const via = family === 4 ? endpoint.gateway4 : endpoint.gateway6;
      routes.push(defaultRoute(endpoint.interfaceName, via, family));
    }
  }
  return { routes, publishers, opened };
}

/** An endpoint as one that could receive published traffic; undefined where its network has no way in. */
function publisherOf(
  core: Core,
  endpoint: Endpoint,
  network: Network,
  family: Family,
): Publisher | undefined {
  const cidr = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
  const gateway = family === 4 ? endpoint.gateway4 : endpoint.gateway6;
  if (cidr === undefined || gateway === undefined || !core.driverOf(network).capabilities.publish) {
    return undefined;
  }
  return { family, endpoint, network, address: addressOf(cidr) };
}

/** How a network publishes in one family. */
function publishingOf(
  core: Core,
  network: Network,
  family: Family,
): { readonly translates: boolean; readonly opens: boolean } {
  return core.driverOf(network).publishing?.(network, family) ?? { translates: true, opens: false };
}

/**
 * The ports held for a sandbox, as its publishers receive them (each by its own family, or by the proxy), and those of its wishes
 * that are open at its own addresses.
 */
export function publishedOn(
  core: Core,
  ways: Ways,
  { held, wishes }: { readonly held: readonly HeldPort[]; readonly wishes: readonly PortMapping[] },
): Published {
  if (held.length === 0 && (wishes.length === 0 || ways.opened.length === 0)) return NOTHING;
  const bindings: PortBinding[] = [];
  const elements: FirewallElement[] = [];
  const proxied: ProxiedPort[] = [];
  const [first] = ways.publishers;
  for (const port of held) {
    const publisher = ways.publishers.find((p) => p.family === familyOf(port.hostIp)) ?? first;
    if (publisher === undefined) continue;
    const target = publisher.address;
    bindings.push({ ...port, endpointId: publisher.endpoint.id });
    elements.push(...allowElements(port));
    const translated = translatable(port.hostIp, target);
    if (translated) elements.push(...publishElements(port, target));
    // Of every IPv6 address ::1 is the one that cannot be translated, and alone comes through to the socket.
    const served = !translated || port.hostIp === "::";
    if (served && port.protocol !== "sctp") proxied.push({ port, target });
  }
  for (const { family, endpoint, network, address } of ways.opened) {
    const ports = wishes.filter(({ hostIp }) => hostIp === undefined || familyOf(hostIp) === family);
    const [guarded, open] = [ports.filter(hasSources), ports.filter((port) => !hasSources(port))];
    elements.push(...openElements({ address, ports: open }), ...openFromElements(address, guarded));
    if (publishingOf(core, network, family).translates) continue;
    const any = parseIp(family === 4 ? "0.0.0.0" : "::");
    for (const { protocol, containerPort, count, hostIp = any, from } of ports) {
      const binding = { protocol, containerPort, count, hostIp, hostPort: 0, endpointId: endpoint.id };
      bindings.push(from === undefined ? binding : { ...binding, from });
    }
  }
  return { bindings, elements, proxied };
}

const hasSources = ({ from }: PortMapping): boolean => from !== undefined;

/**
 * Refuses to publish on an address that the sandbox has no use for: it publishes by the other family only, no proxy leads there
 * (for SCTP, and to routed networks), and a port in vain would be found out late. Where it does not publish at all (yet), ports
 * wait for a network that does, as in Docker.
 */
export function refuseInVain(sandbox: Sandbox, ways: Ways): void {
  const families = [...ways.publishers, ...ways.opened].map((p) => p.family);
  const at = sandbox.ports.findIndex(
    ({ protocol, hostIp }) =>
      hostIp !== undefined &&
      !families.includes(familyOf(hostIp)) &&
      (protocol === "sctp" || ways.publishers.length === 0),
  );
  const hostIp = sandbox.ports[at]?.hostIp;
  if (hostIp === undefined || families.length === 0) return;
  const remedy = `join a network with IPv${familyOf(hostIp)}, or publish on an IPv${families[0]} address`;
  throw new NetError("invalid", "sandbox.create", {
    message: `publish[${at}]: the sandbox has no IPv${familyOf(hostIp)} address that ${hostIp} could lead to: ${remedy}`,
    field: `publish[${at}]`,
    value: hostIp,
    remedy,
  });
}

export function sameBindings(a: readonly PortBinding[], b: readonly PortBinding[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Where a sandbox publishes, and on which addresses of the host unless it says. */
export function placesOf(core: Core, ways: Ways): PublishPlace[] {
  const places = ways.publishers.map(({ family, network }) => ({
    family,
    defaultIp: core.driverOf(network).hostBinding?.(network),
    opened: false,
  }));
  const opened = FAMILIES.filter(
    (family) =>
      ways.opened.some((p) => p.family === family) && !places.some((place) => place.family === family),
  );
  return [...places, ...opened.map((family) => ({ family, defaultIp: undefined, opened: true }))];
}

/** Steps that turn one set of default routes into another; a route whose link goes away goes with it. */
export function routeOps(sandbox: Sandbox, before: Ways, after: Ways): Op[] {
  const ops: Op[] = [];
  for (const route of after.routes) {
    const old = before.routes.find((r) => r.destination === route.destination);
    if (old?.link === route.link && old.via === route.via) continue;
    ops.push({ op: "route.replace", netns: sandbox.id, route });
  }
  return ops;
}

/** The one firewall transaction that turns what is published into something else. */
export function publishOps(before: Published, after: Published): Op[] {
  const { add, remove } = diffElements(before.elements, after.elements);
  return firewallOps(add, remove);
}

/** The address by which the host is known on the default bridge, for `host-gateway`. */
export function hostGateway(core: Core): Ip | undefined {
  const pool = core.state.networkNamed("bridge")?.ipam.pools[0];
  return pool?.gateway === undefined ? undefined : addressOf(pool.gateway);
}
