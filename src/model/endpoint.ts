import type { Cidr } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { EndpointId, NetworkId, SandboxId } from "./ids.ts";
import type { EgressPolicy } from "./network.ts";

/** How a sandbox wants to join a network; part of `POST /netdock/v1/sandboxes` and the body of `…/connect`. */
export interface EndpointRequest {
  /** Network by name, id or unique id prefix. */
  readonly network: string;
  readonly aliases?: readonly string[] | undefined;
  /** Docker's links, `NAME` or `NAME:ALIAS`: what this sandbox alone calls others on the network. */
  readonly links?: readonly string[] | undefined;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** Addresses of 169.254.0.0/16 and fe80::/10 to have beside the others. */
  readonly linkLocalIps?: readonly string[] | undefined;
  readonly mac?: string | undefined;
  /** 0. The endpoint with the highest number holds the default route. */
  readonly gwPriority?: number | undefined;
  /** Name of the link inside the sandbox; absent: the lowest free `ethN`. */
  readonly interfaceName?: string | undefined;
  readonly options?: Readonly<Record<string, string>> | undefined;
}

/** A name by which one sandbox alone calls another on a network; both lower case. */
export interface EndpointLink {
  readonly alias: string;
  /** Any name of the other. */
  readonly name: string;
}

/** Joins one sandbox to one network. JSON as it is. */
export interface Endpoint {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly sandboxId: SandboxId;
  /** Names that resolve to this endpoint on its network, the sandbox's own name first. */
  readonly aliases: readonly string[];
  /** Absent: none. */
  readonly links?: readonly EndpointLink[];
  /** Absent for drivers that make no link (host, none). */
  readonly mac?: Mac;
  readonly ipv4?: Cidr;
  readonly ipv6?: Cidr;
  /** Link-local addresses that were asked for; absent: none. */
  readonly linkLocalIps?: readonly Cidr[];
  /** Next hop for traffic that leaves the network; absent on internal networks. */
  readonly gateway4?: Ip;
  readonly gateway6?: Ip;
  readonly gwPriority: number;
  /** Name of the link inside the sandbox, and of its other end on the host where there is one. */
  readonly interfaceName?: string;
  readonly hostInterface?: string;
  readonly options: Readonly<Record<string, string>>;
  /** In place of its network's. */
  readonly policy?: EgressPolicy;
}
