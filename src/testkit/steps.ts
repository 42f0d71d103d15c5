import type { Cidr } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import { HOST_NETNS, type LinkSpec, type Op } from "../model/ops.ts";

// Steps as tests write them.

export function bridge(name: string, more: Partial<LinkSpec> = {}): Op {
  return {
    op: "link.create",
    netns: HOST_NETNS,
    link: { name, kind: { type: "bridge" }, up: true, alias: `netdock:${name}`, ...more },
  };
}

/** A veth whose host end is a port of `master`, and whose other end is `eth0` in the sandbox unless told otherwise. */
export function veth(name: string, sandbox: string, master: string, peer = "eth0"): Op {
  const kind = { type: "veth", peer: { netns: sandbox, name: peer } } as const;
  return {
    op: "link.create",
    netns: HOST_NETNS,
    link: { name, kind, up: true, master, alias: `netdock:${name}` },
  };
}

export function address(netns: string, link: string, cidr: string): Op {
  return { op: "address.add", netns, address: { link, address: cidr as Cidr } };
}

export function route(netns: string, link: string, destination: string, via?: string): Op {
  const route = { link, destination: destination as Cidr };
  return {
    op: "route.replace",
    netns,
    route: via === undefined ? route : { ...route, via: via as Ip },
  };
}

export function sysctl(netns: string, key: string, value: string): Op {
  return { op: "sysctl.set", netns, key, value };
}

export function deletion(name: string, netns: string = HOST_NETNS): Op {
  return { op: "link.delete", netns, name };
}

/** A sandbox on bridge `master`: its link, addresses and default routes, the way the engine plans it. */
export function attach(options: {
  readonly name: string;
  readonly sandbox: string;
  readonly master: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
}): Op[] {
  const { name, sandbox, master, addresses, gateways } = options;
  return [
    veth(name, sandbox, master),
    ...addresses.map((cidr) => address(sandbox, "eth0", cidr)),
    ...gateways.map((ip) => route(sandbox, "eth0", ip.includes(":") ? "::/0" : "0.0.0.0/0", ip)),
  ];
}
