import type { Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { EndpointId } from "./ids.ts";

export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** A user's wish to publish: `-p 127.0.0.1:8000-8009:80-89/tcp`. Both ranges have the same size. */
export interface PortMapping {
  readonly protocol: Protocol;
  /** First port in the sandbox. */
  readonly containerPort: number;
  /** How many ports, counted upwards from both firsts. */
  readonly count: number;
  /** Address on the host; absent: the network's default (all addresses). */
  readonly hostIp?: Ip | undefined;
  /** First port on the host; absent: the engine takes a free one. */
  readonly hostPort?: number | undefined;
  /** Last of the ports on the host, from `hostPort` on, of which one that is free is taken; for a single port of the sandbox. */
  readonly hostPortLast?: number | undefined;
  /** Sources that may use it, none of them inside another; absent: everybody. */
  readonly from?: readonly Subnet[] | undefined;
}

/** A mapping made real: one row a host address and port range. */
export interface PortBinding {
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly count: number;
  /** `0.0.0.0` and `::` stand for every address of the host. */
  readonly hostIp: Ip;
  /** First port on the host; 0 where ports are open at the endpoint's own address and the host has none of them. */
  readonly hostPort: number;
  /** As in the mapping: of every family. The host itself may always. */
  readonly from?: readonly Subnet[] | undefined;
  /** The endpoint that receives the traffic: with a host port, the one that holds the default gateway of that family. */
  readonly endpointId: EndpointId;
}
