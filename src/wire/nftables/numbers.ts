// Numbers of linux/netfilter/nf_tables.h and nfnetlink.h, in the kernel's spelling without the prefix.

/** Messages that open and close a transaction; their nfgenmsg names the subsystem in `res_id`. */
export const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11 } as const;

export const NFNL_SUBSYS = { NFTABLES: 10 } as const;

/** Multicast group with one notification per changed object and one NEWGEN per transaction (enum nfnetlink_groups). */
export const NFNLGRP = { NFTABLES: 7, NFTRACE: 9 } as const;

export const NFNL_BATCH = { GENID: 1 } as const;

/** The first byte of nfgenmsg (linux/netfilter.h, NFPROTO_*). */
export const NFPROTO = { UNSPEC: 0, INET: 1, IPV4: 2, ARP: 3, NETDEV: 5, BRIDGE: 7, IPV6: 10 } as const;

/** Low byte of a message type; the high byte is the subsystem. DESTROY* exist since Linux 6.3. */
export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
  TRACE: 17,
  NEWOBJ: 18,
  GETOBJ: 19,
  DELOBJ: 20,
  GETOBJ_RESET: 21,
  NEWFLOWTABLE: 22,
  GETFLOWTABLE: 23,
  DELFLOWTABLE: 24,
  GETRULE_RESET: 25,
  DESTROYTABLE: 26,
  DESTROYCHAIN: 27,
  DESTROYRULE: 28,
  DESTROYSET: 29,
  DESTROYSETELEM: 30,
  DESTROYOBJ: 31,
  DESTROYFLOWTABLE: 32,
  GETSETELEM_RESET: 33,
} as const;

export const NFTA_LIST_ELEM = 1;

export const NFTA_TABLE = { NAME: 1, FLAGS: 2, USE: 3, HANDLE: 4, PAD: 5, USERDATA: 6, OWNER: 7 } as const;
export const NFT_TABLE_F = { DORMANT: 1, OWNER: 2, PERSIST: 4 } as const;

export const NFTA_CHAIN = {
  TABLE: 1,
  HANDLE: 2,
  NAME: 3,
  HOOK: 4,
  POLICY: 5,
  USE: 6,
  TYPE: 7,
  COUNTERS: 8,
  PAD: 9,
  FLAGS: 10,
  ID: 11,
  USERDATA: 12,
} as const;
export const NFT_CHAIN_FLAG = { BASE: 1, HW_OFFLOAD: 2, BINDING: 4 } as const;
export const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2, DEV: 3, DEVS: 4 } as const;
export const NFTA_DEVICE = { NAME: 1 } as const;
export const NFTA_COUNTER = { BYTES: 1, PACKETS: 2, PAD: 3 } as const;
/** Hooks of inet, ip and ip6 tables (enum nf_inet_hooks); INGRESS is also the only number of netdev tables, as 0. */
export const NF_INET = {
  PRE_ROUTING: 0,
  LOCAL_IN: 1,
  FORWARD: 2,
  LOCAL_OUT: 3,
  POST_ROUTING: 4,
  INGRESS: 5,
} as const;

export const NFTA_RULE = {
  TABLE: 1,
  CHAIN: 2,
  HANDLE: 3,
  EXPRESSIONS: 4,
  COMPAT: 5,
  POSITION: 6,
  USERDATA: 7,
  PAD: 8,
  ID: 9,
  POSITION_ID: 10,
  CHAIN_ID: 11,
} as const;

export const NFTA_SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  POLICY: 8,
  DESC: 9,
  ID: 10,
  TIMEOUT: 11,
  GC_INTERVAL: 12,
  USERDATA: 13,
  PAD: 14,
  OBJ_TYPE: 15,
  HANDLE: 16,
  EXPR: 17,
  EXPRESSIONS: 18,
  TYPE: 19,
  COUNT: 20,
} as const;
export const NFT_SET = {
  ANONYMOUS: 0x1,
  CONSTANT: 0x2,
  INTERVAL: 0x4,
  MAP: 0x8,
  TIMEOUT: 0x10,
  EVAL: 0x20,
  OBJECT: 0x40,
  CONCAT: 0x80,
  EXPR: 0x100,
} as const;
export const NFTA_SET_DESC = { SIZE: 1, CONCAT: 2 } as const;
export const NFTA_SET_FIELD = { LEN: 1 } as const;

export const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3, SET_ID: 4 } as const;
export const NFTA_SET_ELEM = {
  KEY: 1,
  DATA: 2,
  FLAGS: 3,
  TIMEOUT: 4,
  EXPIRATION: 5,
  USERDATA: 6,
  EXPR: 7,
  PAD: 8,
  OBJREF: 9,
  KEY_END: 10,
  EXPRESSIONS: 11,
} as const;
export const NFT_SET_ELEM = { INTERVAL_END: 1, CATCHALL: 2 } as const;

export const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const;
export const NFTA_VERDICT = { CODE: 1, CHAIN: 2, CHAIN_ID: 3 } as const;
/** Signed; ACCEPT, DROP and QUEUE are netfilter's own (linux/netfilter.h). */
export const NFT_VERDICT = {
  DROP: 0,
  ACCEPT: 1,
  QUEUE: 3,
  CONTINUE: -1,
  BREAK: -2,
  JUMP: -3,
  GOTO: -4,
  RETURN: -5,
} as const;
/** Data type of verdict maps (NFT_DATA_VERDICT). */
export const NFT_DATA_VERDICT = 0xffffff00;

export const NFTA_OBJ = {
  TABLE: 1,
  NAME: 2,
  TYPE: 3,
  DATA: 4,
  USE: 5,
  HANDLE: 6,
  PAD: 7,
  USERDATA: 8,
} as const;
export const NFT_OBJECT = { COUNTER: 1, QUOTA: 2, CT_HELPER: 3, LIMIT: 4, CONNLIMIT: 5 } as const;

export const NFTA_GEN = { ID: 1, PROC_PID: 2, PROC_NAME: 3 } as const;
