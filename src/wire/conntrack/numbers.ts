// Numbers of linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h, in their spelling.

/** NFNL_SUBSYS_CTNETLINK (linux/netfilter/nfnetlink.h), the upper byte of a message's type. */
export const NFNL_SUBSYS_CTNETLINK = 1;

export const IPCTNL_MSG = { CT_NEW: 0, CT_GET: 1, CT_DELETE: 2 } as const;

export const CTA = {
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  STATUS: 3,
  TIMEOUT: 7,
  MARK: 8,
  ID: 12,
  ZONE: 18,
  FILTER: 25,
} as const;
export const CTA_TUPLE = { IP: 1, PROTO: 2, ZONE: 3 } as const;
export const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;
export const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
export const CTA_FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;

/** Which fields of a tuple a filter looks at (net/netfilter/nf_conntrack_netlink.c, CTA_FILTER_F_*). Linux 5.8 and later. */
export const CTA_FILTER_F = {
  IP_SRC: 1,
  IP_DST: 2,
  PROTO_NUM: 8,
  PROTO_SRC_PORT: 16,
  PROTO_DST_PORT: 32,
} as const;

export const IPPROTO = { TCP: 6, UDP: 17, SCTP: 132 } as const;
