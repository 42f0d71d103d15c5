import { addressOf } from "../base/cidr.ts";
import type { Family, Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { Op, RouteSpec } from "../model/ops.ts";
import type { PortBinding } from "../model/ports.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { defaultRoute } from "../plan/blueprint.ts";
import { publishElements } from "../plan/firewall/index.ts";
import { chooseGateway, type GatewayCandidate } from "../plan/gateway.ts";
import type { Core } from "./core.ts";
import type { HeldPort } from "./ports.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** Where a sandbox's traffic to and from the world goes, given the endpoints it has. */
export interface Traffic {
  /** Default routes, one a family. */
  readonly routes: readonly RouteSpec[];
  readonly bindings: readonly PortBinding[];
  readonly elements: readonly FirewallElement[];
}

/** Families in which the sandbox can publish: the gateway endpoint's driver must do it, on a network with a way in. */
export function publishFamilies(core: Core, endpoints: readonly Endpoint[]): Family[] {
  return FAMILIES.filter((family) => publisher(core, core.candidates(endpoints), family) !== undefined);
}

function publisher(core: Core, candidates: GatewayCandidate[], family: Family): GatewayCandidate | undefined {
  const gateway = chooseGateway(candidates, family);
  if (gateway === undefined || !core.driverOf(gateway.network).capabilities.publish) return undefined;
  return gateway;
}

/** The default routes and published ports that belong to exactly these endpoints. Pure but for look-ups. */
export function trafficOf(core: Core, endpoints: readonly Endpoint[], held: readonly HeldPort[]): Traffic {
  const candidates = core.candidates(endpoints);
  const routes: RouteSpec[] = [];
  const bindings: PortBinding[] = [];
  const elements: FirewallElement[] = [];
  for (const family of FAMILIES) {
    const gateway = chooseGateway(candidates, family)?.endpoint;
    if (gateway?.interfaceName !== undefined) {
      const via = family === 4 ? gateway.gateway4 : gateway.gateway6;
      routes.push(defaultRoute(gateway.interfaceName, via, family));
    }
    const target = publisher(core, candidates, family)?.endpoint;
    const address = family === 4 ? target?.ipv4 : target?.ipv6;
    if (target === undefined || address === undefined) continue;
    for (const port of held) {
      if (port.hostIp.includes(":") !== (family === 6)) continue;
      const binding: PortBinding = { ...port, endpointId: target.id };
      bindings.push(binding);
      elements.push(...publishElements(binding, addressOf(address)));
    }
  }
  return { routes, bindings, elements };
}

/** Steps that turn one set of default routes into another; a route whose link goes away goes with it. */
export function routeOps(sandbox: Sandbox, before: Traffic, after: Traffic): Op[] {
  const ops: Op[] = [];
  for (const route of after.routes) {
    const old = before.routes.find((r) => r.destination === route.destination);
    if (old?.link === route.link && old.via === route.via) continue;
    ops.push({ op: "route.replace", netns: sandbox.id, route });
  }
  return ops;
}

/** The address by which the host is known on the default bridge, for `host-gateway`. */
export function hostGateway(core: Core): Ip | undefined {
  const pool = core.state.networkNamed("bridge")?.ipam.pools[0];
  return pool?.gateway === undefined ? undefined : addressOf(pool.gateway);
}
