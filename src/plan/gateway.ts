import type { Family } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Network } from "../model/network.ts";

export interface GatewayCandidate {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/** What the order of gateways depends on. */
interface Ranked {
  readonly endpoint: Pick<Endpoint, "gwPriority" | "ipv4" | "ipv6">;
  readonly network: Pick<Network, "internal" | "name">;
}

/**
 * Docker's order (`Endpoint.Less` in libnetwork's sandbox.go): higher priority; networks with a way out before internal
 * ones; dual stack before single stack; then the network's name. Negative when `a` comes first.
 */
export function compareGateways(a: Ranked, b: Ranked): number {
  return (
    b.endpoint.gwPriority - a.endpoint.gwPriority ||
    Number(a.network.internal) - Number(b.network.internal) ||
    Number(isDual(b.endpoint)) - Number(isDual(a.endpoint)) ||
    (a.network.name < b.network.name ? -1 : a.network.name > b.network.name ? 1 : 0)
  );
}

function isDual(endpoint: Ranked["endpoint"]): boolean {
  return endpoint.ipv4 !== undefined && endpoint.ipv6 !== undefined;
}

/** The endpoint whose gateway is the sandbox's default route for one family; chosen separately for each family. */
export function chooseGateway(
  candidates: readonly GatewayCandidate[],
  family: Family,
): GatewayCandidate | undefined {
  const able = candidates.filter(
    ({ endpoint }) => (family === 4 ? endpoint.gateway4 : endpoint.gateway6) !== undefined,
  );
  return able.toSorted(compareGateways)[0];
}
