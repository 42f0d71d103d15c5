import { Reader, Writer } from "../../base/cursor.ts";
import type { Ip } from "../../base/ip.ts";
import { attrs, type AttrValues } from "./attrs.ts";
import type { Request } from "./message.ts";
import { NLM_F } from "./numbers.ts";
import { FRA, RTM } from "./route-numbers.ts";
import { cstr, ip, u32, u32Struct, u8 } from "./types.ts";

/** struct fib_rule_hdr (linux/fib_rules.h). */
export interface RuleHeader {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly destinationLength: number;
  readonly sourceLength: number;
  readonly tos: number;
  /** RT_TABLE to look in, all 32 bits. */
  readonly table: number;
  /** FR_ACT */
  readonly action: number;
  /** FIB_RULE */
  readonly flags: number;
}

export interface RuleAttrs {
  readonly destination: Ip;
  readonly source: Ip;
  /** Names, not indexes: a rule may wait for a link to appear. */
  readonly iifName: string;
  readonly oifName: string;
  readonly goto: number;
  /** Order: lower first. */
  readonly priority: number;
  readonly mark: number;
  readonly markMask: number;
  /** -1 as 0xffffffff: off. Routes of a shorter or equal prefix are not used: 0 skips default routes. */
  readonly suppressPrefixLength: number;
  readonly suppressGroup: number;
  readonly l3mdev: number;
  readonly uidRange: Record<"start" | "end", number>;
  /** RTPROT: who made it. */
  readonly protocol: number;
  readonly ipProtocol: number;
}

export type Rule = RuleHeader & AttrValues<RuleAttrs>;
export type RuleRequest = Pick<RuleHeader, "family"> & Partial<RuleHeader> & AttrValues<RuleAttrs>;

const table = attrs<RuleAttrs & Pick<RuleHeader, "table">>({
  destination: [FRA.DST, ip],
  source: [FRA.SRC, ip],
  iifName: [FRA.IIFNAME, cstr],
  oifName: [FRA.OIFNAME, cstr],
  goto: [FRA.GOTO, u32],
  priority: [FRA.PRIORITY, u32],
  mark: [FRA.FWMARK, u32],
  markMask: [FRA.FWMASK, u32],
  suppressPrefixLength: [FRA.SUPPRESS_PREFIXLEN, u32],
  suppressGroup: [FRA.SUPPRESS_IFGROUP, u32],
  l3mdev: [FRA.L3MDEV, u8],
  uidRange: [FRA.UID_RANGE, u32Struct("fib_rule_uid_range", ["start", "end"])],
  protocol: [FRA.PROTOCOL, u8],
  ipProtocol: [FRA.IP_PROTO, u8],
  table: [FRA.TABLE, u32],
});

function ruleRequest(type: number, flags: number, rule: RuleRequest): Request {
  const w = new Writer(96);
  const number = rule.table ?? 0;
  const long = number > 0xff;
  w.u8(rule.family)
    .u8(rule.destinationLength ?? 0)
    .u8(rule.sourceLength ?? 0)
    .u8(rule.tos ?? 0)
    .u8(long ? 0 : number)
    .zeros(2)
    .u8(rule.action ?? 0)
    .u32(rule.flags ?? 0);
  table.encode(w, long ? rule : { ...rule, table: undefined });
  return { type, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/** `ip rule add`: EEXIST when there is an equal one. */
export function addRule(rule: RuleRequest): Request {
  return ruleRequest(RTM.NEWRULE, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, rule);
}

/** `ip rule del`: the first rule that has all that is given; ENOENT when there is none. */
export function deleteRule(rule: RuleRequest): Request {
  return ruleRequest(RTM.DELRULE, NLM_F.ACK, rule);
}

/** `ip rule show`: family 0 is all. */
export function dumpRules(filter: { readonly family: number }): Request {
  return ruleRequest(RTM.GETRULE, NLM_F.DUMP, filter);
}

/** Body of RTM_NEWRULE or RTM_DELRULE, of AF_INET or AF_INET6. Throws `DecodeError`. */
export function decodeRule(body: Uint8Array): Rule {
  const r = new Reader(body);
  const [family, destinationLength, sourceLength, tos, shortTable] = [r.u8(), r.u8(), r.u8(), r.u8(), r.u8()];
  r.skip(2);
  const action = r.u8();
  const flags = r.u32();
  r.check();
  const header = { family, destinationLength, sourceLength, tos, table: shortTable, action, flags };
  return Object.assign(header, table.decode(body, r.offset, body.length));
}
