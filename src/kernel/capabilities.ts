import { NetError } from "../base/errors.ts";
import { errnoName } from "../wire/netlink/errno.ts";
import { addLink, type LinkRequest } from "../wire/netlink/link.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { addTable, NFPROTO, transaction } from "../wire/nftables/index.ts";
import { hasErrno } from "./errno.ts";
import { AF, close, IPPROTO_SCTP, SOCK, socket } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import type { ThreadNamespaces } from "./netns.ts";

/** What may be missing in a kernel, with the words that an error and a skipped test use for it. */
export const FEATURES = {
  namespaces: "network namespaces (CONFIG_NET_NS) and the right to make them (CAP_SYS_ADMIN)",
  bridge: "bridge links (CONFIG_BRIDGE)",
  veth: "veth links (CONFIG_VETH)",
  dummy: "dummy links (CONFIG_DUMMY)",
  macvlan: "macvlan links (CONFIG_MACVLAN)",
  ipvlan: "ipvlan links (CONFIG_IPVLAN)",
  vxlan: "vxlan links (CONFIG_VXLAN)",
  ipv6: "IPv6 (CONFIG_IPV6)",
  sctp: "SCTP sockets (CONFIG_IP_SCTP)",
  nftables: "nf_tables for the inet family (CONFIG_NF_TABLES_INET)",
} as const;

export type Feature = keyof typeof FEATURES;

/**
 * Finds out what this kernel can do by trying it in a throwaway namespace. Answers are kept when they are conclusive: "there
 * is no such thing" and "it worked" are, "not permitted" and "out of memory" are not.
 */
export class Capabilities {
  readonly #namespaces: ThreadNamespaces;
  readonly #known = new Map<Feature, boolean>();
  readonly #buffer = new Uint8Array(0x1_0000);

  constructor(namespaces: ThreadNamespaces) {
    this.#namespaces = namespaces;
  }

  has(feature: Feature): boolean {
    const known = this.#known.get(feature);
    if (known !== undefined) return known;
    const errno = this.#probe(feature);
    if (errno === undefined || CONCLUSIVE.has(errno)) this.#known.set(feature, errno === undefined);
    return errno === undefined;
  }

  /** Throws `unsupported` naming what is missing. */
  require(feature: Feature, op: string): void {
    if (this.has(feature)) return;
    throw new NetError("unsupported", op, {
      message: `this kernel lacks ${FEATURES[feature]}`,
      subject: feature,
    });
  }

  /** Undefined when it worked, else the error's name. */
  #probe(feature: Feature): string | undefined {
    try {
      return this.#namespaces.withNewNetns(() => this.#try(feature));
    } catch (error) {
      if (hasErrno(error, "EPERM", "EINVAL", "ENOSPC", "ENOMEM")) return error.errno;
      throw error;
    }
  }

  #try(feature: Feature): string | undefined {
    switch (feature) {
      case "namespaces":
        return undefined;
      case "ipv6":
        return trySocket(AF.INET6, SOCK.DGRAM, 0);
      case "sctp":
        return trySocket(AF.INET, SOCK.STREAM, IPPROTO_SCTP);
      case "nftables":
        return this.#tryTable();
      default:
        return this.#tryLink(feature);
    }
  }

  #tryLink(kind: keyof typeof LINKS): string | undefined {
    const route = new NetlinkSocket(NETLINK.ROUTE, this.#buffer);
    try {
      const replies = route.transact([
        addLink({ name: "probe0", ...LINKS.bridge }),
        addLink({ name: "probe1", ...LINKS[kind] }),
      ]);
      const errno = replies[kind === "bridge" ? 0 : 1]?.ack?.errno ?? 0;
      // Without its parent, or with settings it does not like, a link of a kind that exists is refused otherwise.
      return errnoName(errno) === "EOPNOTSUPP" ? "EOPNOTSUPP" : undefined;
    } finally {
      route.close();
    }
  }

  #tryTable(): string | undefined {
    const nftables = new NetlinkSocket(NETLINK.NETFILTER, this.#buffer);
    try {
      const { bytes } = transaction([addTable({ family: NFPROTO.INET, name: "probe" })], { firstSeq: 1 });
      const errno = nftables.sendRaw(bytes).find((ack) => ack.errno !== 0)?.errno;
      return errno === undefined ? undefined : errnoName(errno);
    } finally {
      nftables.close();
    }
  }
}

/** "There is none": more tries give no other answer. */
const CONCLUSIVE: ReadonlySet<string> = new Set([
  "EOPNOTSUPP",
  "EPROTONOSUPPORT",
  "EAFNOSUPPORT",
  "ESOCKTNOSUPPORT",
  "EINVAL",
]);

const LINKS = {
  bridge: { linkInfo: { info: { kind: "bridge" } } },
  veth: { linkInfo: { info: { kind: "veth" } } },
  dummy: { linkInfo: { info: { kind: "dummy" } } },
  macvlan: { linkInfo: { info: { kind: "macvlan" } } },
  ipvlan: { linkInfo: { info: { kind: "ipvlan" } } },
  vxlan: { linkInfo: { info: { kind: "vxlan" } } },
} as const satisfies Record<string, LinkRequest>;

function trySocket(domain: number, type: number, protocol: number): string | undefined {
  try {
    close(socket(domain, type, protocol));
    return undefined;
  } catch (error) {
    if (hasErrno(error, "EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT")) return error.errno;
    throw error;
  }
}
