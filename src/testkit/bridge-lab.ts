import type { Ip } from "../base/ip.ts";
import type { FirewallElement } from "../model/firewall.ts";
import { networkElements } from "../plan/firewall/index.ts";
import { Lab, type LabNode } from "./lab.ts";
import { probe, type Visit } from "./packets.ts";

/** A bridge of the host's: `10.net.0.1/24` and `fd00:net::1/64` on it, its members from `.2` and `::2` upwards. */
export interface LabBridge {
  readonly bridge: string;
  readonly net: number;
  readonly members: readonly string[];
  /** Frames within it meet the IP hooks whatever the host's own setting (IFLA_BR_NF_CALL_IPTABLES). */
  readonly nfCall?: boolean;
}

/** Nodes outside, and the host's addresses on the links to them. `out` stands for everybody else, `far` for one beyond. */
const OUTER = [
  {
    name: "out",
    link: "eth0",
    host: ["198.51.100.1", "2001:db8::1"],
    node: ["198.51.100.2", "2001:db8::2"],
  },
  {
    name: "far",
    link: "eth1",
    host: ["203.0.113.1", "2001:db8:1::1"],
    node: ["203.0.113.2", "2001:db8:1::2"],
  },
] as const;

/** The host's addresses as `out` knows them. */
export const HOST = OUTER[0].host[0] as Ip;
export const HOST6 = OUTER[0].host[1] as Ip;

/** What became of a question, in words: where it was seen to come from, `dropped`, `refused`, or an error's name. */
export type Seen = string;

const WORDS: Readonly<Record<string, string>> = {
  EAGAIN: "dropped",
  EINPROGRESS: "dropped",
  EALREADY: "dropped",
  ECONNREFUSED: "refused",
};

/** Longer than a neighbour's second solicitation takes: the first to a new bridge may find nobody who listens yet. */
export const PATIENCE_MS = 3000;

/** The firewall's elements of ordinary networks on these bridges: NAT in both families, and members may talk. */
export function natElements(bridges: readonly Pick<LabBridge, "bridge">[]): FirewallElement[] {
  return bridges.flatMap(({ bridge }) =>
    networkElements({
      bridge,
      internal: false,
      icc: true,
      trusted: [],
      mode4: "nat",
      mode6: "nat",
      leave4: "masquerade",
      leave6: "masquerade",
    }),
  );
}

/** A host between bridges and the outside, made with `ip` and without a firewall. */
export class BridgeLab implements Disposable {
  readonly host: LabNode;
  readonly #lab = new Lab();
  readonly #nodes = new Map<string, LabNode>();
  readonly #addresses = new Map<string, readonly [Ip, Ip]>();

  constructor(bridges: readonly LabBridge[], options: { readonly brNetfilter: boolean }) {
    this.host = this.#node("host");
    for (const { name, link, host, node } of OUTER) {
      this.#lab.wire({ node: this.host, link }, { node: this.#node(name), link: "eth0" });
      this.host.sh(
        `ip address add ${host[0]}/24 dev ${link}`,
        `ip address add ${host[1]}/64 dev ${link} nodad`,
      );
      this.#address(name, [node[0] as Ip, node[1] as Ip], host);
    }
    this.host.sysctl("ipv4/ip_forward", "1");
    this.host.sysctl("ipv6/conf/all/forwarding", "1");
    for (const key of ["iptables", "ip6tables"]) {
      this.host.sysctl(`bridge/bridge-nf-call-${key}`, options.brNetfilter ? "1" : "0");
    }
    for (const bridge of bridges) this.#bridge(bridge);
  }

  node(name: string): LabNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** Addresses of a node: IPv4 and IPv6. */
  addresses(name: string): readonly [Ip, Ip] {
    const addresses = this.#addresses.get(name);
    if (addresses === undefined) throw new Error(`there is no node ${name}`);
    return addresses;
  }

  /** One more member, with the `n`-th address of the bridge. */
  addMember(name: string, { bridge, net }: LabBridge, n: number): void {
    this.#lab.wire({ node: this.host, link: `v-${name}` }, { node: this.#node(name), link: "eth0" });
    this.host.sh(`ip link set v-${name} master ${bridge}`, `bridge link set dev v-${name} hairpin on`);
    const addresses = [`10.${net}.0.${n}` as Ip, `fd00:${net}::${n}` as Ip] as const;
    this.#address(name, addresses, [`10.${net}.0.1`, `fd00:${net}::1`]);
  }

  /** Makes a node send to 127.0.0.0/8 over the wire: such addresses are no longer its own. */
  makeSpoof(name: string, gateway: string): void {
    this.node(name).sysctl("ipv4/conf/eth0/route_localnet", "1");
    this.node(name).sh("ip address del 127.0.0.1/8 dev lo", `ip route add 127.0.0.0/8 via ${gateway}`);
  }

  /** Sends a packet from one node; `at` is where somebody listens, `to` where the packet is sent. */
  ask(what: {
    readonly protocol: "tcp" | "udp";
    readonly from: string;
    readonly server: string;
    readonly at: { readonly ip: Ip; readonly port: number };
    readonly to: { readonly ip: Ip; readonly port: number };
    readonly timeoutMs: number;
  }): Seen {
    const { from, server, ...rest } = what;
    const visit = (name: string): Visit => this.node(name).visit;
    const outcome = probe({ ...rest, server: visit(server), client: visit(from) });
    return outcome.kind === "arrived" ? outcome.from : (WORDS[outcome.errno] ?? outcome.errno);
  }

  [Symbol.dispose](): void {
    this.#lab[Symbol.dispose]();
  }

  #node(name: string): LabNode {
    const node = this.#lab.node(name);
    this.#nodes.set(name, node);
    return node;
  }

  #address(name: string, addresses: readonly [Ip, Ip], gateways: readonly [string, string]): void {
    this.#addresses.set(name, addresses);
    this.node(name).sh(
      `ip address add ${addresses[0]}/24 dev eth0`,
      `ip address add ${addresses[1]}/64 dev eth0 nodad`,
      ...gateways.map((gateway) => `ip route add default via ${gateway}`),
    );
  }

  #bridge(spec: LabBridge): void {
    const { bridge, net, members, nfCall } = spec;
    this.host.sh(
      `ip link add ${bridge} type bridge ${nfCall === true ? "nf_call_iptables 1 nf_call_ip6tables 1" : ""}`,
      `ip address add 10.${net}.0.1/24 dev ${bridge}`,
      `ip address add fd00:${net}::1/64 dev ${bridge} nodad`,
      `ip link set ${bridge} up`,
    );
    this.host.sysctl(`ipv4/conf/${bridge}/route_localnet`, "1");
    members.forEach((name, i) => this.addMember(name, spec, i + 2));
  }
}
