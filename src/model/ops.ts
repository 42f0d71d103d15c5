import type { Cidr } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { FirewallChange } from "./firewall.ts";

/** `host` is the namespace the engine works from; any other text is the key of a sandbox's namespace (its id). */
export type NetnsKey = string;
export const HOST_NETNS: NetnsKey = "host";

export type LinkKind =
  | {
      readonly type: "bridge";
      /** Frames within it meet the host's firewall where br_netfilter is loaded, whatever the host's own setting. */
      readonly filtered?: true | undefined;
    }
  | {
      readonly type: "veth";
      /** The other end, made where it belongs in the same message; the kernel wants a second one, there, to bring it up. */
      readonly peer: {
        readonly netns: NetnsKey;
        readonly name: string;
        readonly mac?: Mac | undefined;
        readonly mtuBytes?: number | undefined;
        readonly linkLocal?: false | undefined;
      };
    }
  | {
      readonly type: "macvlan";
      readonly parent: string;
      readonly mode: "bridge" | "private" | "vepa" | "passthru";
    }
  | {
      readonly type: "ipvlan";
      readonly parent: string;
      readonly mode: "l2" | "l3" | "l3s";
      readonly flag: "bridge" | "private" | "vepa";
    }
  | { readonly type: "dummy" };

export interface LinkSpec {
  /** At most 15 bytes, no `/`, no space (IFNAMSIZ in linux/if.h). */
  readonly name: string;
  readonly kind: LinkKind;
  readonly up: boolean;
  readonly mac?: Mac | undefined;
  readonly mtuBytes?: number | undefined;
  /** Bridge this link is a port of. */
  readonly master?: string | undefined;
  /** `ifalias`: how we recognise what is ours. Starts with `netdock:`. */
  readonly alias?: string | undefined;
  /** The bridge port sends a frame back out of the port it came in by (hairpin). */
  readonly hairpin?: boolean | undefined;
  /**
   * Frames of this bridge port reach another such port by way of the host's firewall or not at all: where bridged frames meet
   * no firewall, the bridge itself keeps the ports apart.
   */
  readonly isolated?: boolean | undefined;
  /**
   * False: the link gives itself no IPv6 address (fe80::/64) when it comes up, and so says nothing to anybody. Absent: it
   * does as the kernel has it.
   */
  readonly linkLocal?: false | undefined;
}

export interface AddressSpec {
  readonly link: string;
  readonly address: Cidr;
}

export interface RouteSpec {
  /** `default` routes are `0.0.0.0/0` and `::/0`. */
  readonly destination: Cidr;
  readonly via?: Ip | undefined;
  readonly link: string;
  /** Preferred source. */
  readonly source?: Ip | undefined;
  readonly metric?: number | undefined;
}

/** One step in one namespace. Each has an inverse; `plan/` knows it. */
export type Op =
  | { readonly op: "link.create"; readonly netns: NetnsKey; readonly link: LinkSpec }
  | { readonly op: "link.delete"; readonly netns: NetnsKey; readonly name: string }
  | {
      readonly op: "link.set";
      readonly netns: NetnsKey;
      readonly name: string;
      readonly set: {
        readonly up?: boolean;
        readonly mtuBytes?: number;
        /** null takes the link off its bridge. */
        readonly master?: string | null;
        readonly alias?: string;
        readonly mac?: Mac;
        /** Of bridges, see LinkKind. */
        readonly filtered?: boolean;
        /** Of bridge ports, see LinkSpec: a link that changes its bridge has lost them. */
        readonly hairpin?: boolean;
        readonly isolated?: boolean;
      };
    }
  | { readonly op: "address.add"; readonly netns: NetnsKey; readonly address: AddressSpec }
  | { readonly op: "address.delete"; readonly netns: NetnsKey; readonly address: AddressSpec }
  /** Creates the route or changes the one with the same destination and metric. */
  | { readonly op: "route.replace"; readonly netns: NetnsKey; readonly route: RouteSpec }
  | { readonly op: "route.delete"; readonly netns: NetnsKey; readonly route: RouteSpec }
  /** `key` as sysctl(8) spells it: dots between the parts, a `/` for a dot within a part (`net.ipv4.conf.eth0/5.forwarding`). */
  | {
      readonly op: "sysctl.set";
      readonly netns: NetnsKey;
      readonly key: string;
      readonly value: string;
      /** Absence of the key is fine (IPv6 compiled out). */
      readonly optional?: boolean;
    }
  /** Tells everybody on the link whose these addresses are: at once, and again until `times` is full. Has no inverse. */
  | {
      readonly op: "address.announce";
      readonly netns: NetnsKey;
      readonly link: string;
      readonly mac: Mac;
      readonly addresses: readonly Ip[];
      readonly times: number;
      readonly intervalMs: number;
    }
  /** Elements of the host's table `inet netdock`. */
  | { readonly op: "firewall.change"; readonly change: FirewallChange }
  /** Rewrites 127.0.0.11:53 to the resolver's real port inside a sandbox; port 0 takes the rewriting away. */
  | { readonly op: "resolver.redirect"; readonly netns: NetnsKey; readonly port: number };

export type OpKind = Op["op"];

/** What must exist in the kernel for one network or endpoint: a driver's pure answer, from which plans are made. */
export interface Blueprint {
  readonly links: readonly {
    readonly netns: NetnsKey;
    readonly link: LinkSpec;
    readonly addresses: readonly Cidr[];
    /** A link that was there before and stays after us: brought up and used, never made or deleted. */
    readonly foreign?: boolean | undefined;
    /** Of a foreign link: it was down before, and is again when we go. */
    readonly downAfter?: boolean | undefined;
  }[];
  /** Addresses of links that appear as a peer in `links`, or belong to a foreign link. */
  readonly addresses: readonly { readonly netns: NetnsKey; readonly address: AddressSpec }[];
  readonly routes: readonly { readonly netns: NetnsKey; readonly route: RouteSpec }[];
  readonly sysctls: readonly {
    readonly netns: NetnsKey;
    readonly key: string;
    readonly value: string;
    readonly optional?: boolean | undefined;
    /** Value to leave behind, where the key stays when we go; absent: it goes with its link, or may stay. */
    readonly before?: string | undefined;
  }[];
  readonly firewall: readonly FirewallElementRef[];
  /** What is told on links when they are made. */
  readonly announcements?: readonly Omit<Extract<Op, { op: "address.announce" }>, "op">[] | undefined;
}

export type FirewallElementRef = FirewallChange["add"][number];

export const EMPTY_BLUEPRINT: Blueprint = { links: [], addresses: [], routes: [], sysctls: [], firewall: [] };
