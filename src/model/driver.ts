import type { Family, Ip } from "../base/ip.ts";
import type { Endpoint, EndpointRequest } from "./endpoint.ts";
import type { Network, NetworkRequest, Scope } from "./network.ts";
import type { Blueprint } from "./ops.ts";
import type { Sandbox } from "./sandbox.ts";

export interface DriverCapabilities {
  readonly scope: Scope;
  /** IPAM driver used when the user names none. */
  readonly ipam: string;
  /** The network holds a gateway address of its own in each pool. */
  readonly gateway: boolean;
  /** Endpoints get a link, addresses and the embedded resolver. False for host and none. */
  readonly links: boolean;
  /** The link of an endpoint has another end on the host. */
  readonly hostEnd: boolean;
  /** Ports can be published through it. */
  readonly publish: boolean;
  /** Only the predefined network may exist (host, none). */
  readonly single: boolean;
}

/**
 * Makes a kind of network real. A driver is pure: it parses options and answers with blueprints; the engine plans, applies
 * and repairs them, the same way for every driver.
 */
export interface Driver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;
  /** Option under which a network's MTU stands, where the driver has one and the host's uplink limits it. */
  readonly mtuOption?: string;
  /** Throws `invalid` naming the option, its value and what is right. */
  checkNetwork(request: NetworkRequest): void;
  /** Refuses what two networks of this driver may not share (a bridge name). Throws `conflict`. */
  checkAgainst?(network: Network, others: readonly Network[]): void;
  /** Name of a bridge that the network takes over if it is there already; undefined: it makes its own. */
  adopts?(request: NetworkRequest): string | undefined;
  /** Link of the host that the network's links stand on, and that somebody else keeps; undefined: none. */
  parent?(request: Pick<NetworkRequest, "options">): string | undefined;
  /** Whether the network has no way out whatever its user says. */
  hasNoWayOut?(request: NetworkRequest): boolean;
  checkEndpoint(network: Network, request: EndpointRequest): void;
  /** Families of the network in which the endpoint gets no address; absent: none. */
  withoutFamilies?(request: EndpointRequest): readonly Family[];
  network(network: Network): Blueprint;
  endpoint(context: {
    readonly network: Network;
    readonly endpoint: Endpoint;
    readonly sandbox: Sandbox;
  }): Blueprint;
  /** Families in which the network takes no gateway address, unless its user asks for one; absent: none. */
  bareFamilies?(request: NetworkRequest): readonly Family[];
  /**
   * How ports are published through its endpoints; absent: by translation. `translates`: from a port of the host's. `opens`: at
   * the endpoint's own address, as far as the firewall lets anybody reach it there.
   */
  publishing?(network: Network, family: Family): { readonly translates: boolean; readonly opens: boolean };
  /**
   * Link of the host by which packets leave and enter the network. Drivers that route by the host have it; without one, a
   * network can have no rules.
   */
  hostLink?(network: Network): string;
  /** Host address for published ports that name none; absent or undefined: every address of the host. */
  hostBinding?(network: Network): Ip | undefined;
  /** Prefix for link names in the sandbox, `eth` unless an option says otherwise. */
  interfacePrefix(network: Network): string;
}
