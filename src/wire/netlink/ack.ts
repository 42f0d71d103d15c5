import { DecodeError } from "../../base/cursor.ts";
import { type ErrorCode, NetError } from "../../base/errors.ts";
import { attrs, type AttrValues, nested } from "./attrs.ts";
import { errnoName } from "./errno.ts";
import { HEADER_SIZE, type Message } from "./message.ts";
import { NL_POLICY_TYPE_ATTR as POLICY, NLM_F, NLMSG, NLMSGERR_ATTR } from "./numbers.ts";
import { bytes, cstr, u32, u64 } from "./types.ts";

/** What the kernel would have accepted for the attribute it rejected. */
export interface PolicyAttrs {
  /** NL_ATTR_TYPE_* */
  readonly type: number;
  /** Bounds of a signed integer, as 64 bits in two's complement. */
  readonly minSigned: bigint;
  readonly maxSigned: bigint;
  readonly min: bigint;
  readonly max: bigint;
  /** Bounds of a size, in bytes. */
  readonly minLength: number;
  readonly maxLength: number;
  readonly index: number;
  readonly maxType: number;
  readonly bitfield32Mask: number;
  readonly mask: bigint;
}

const policyTable = attrs<PolicyAttrs>({
  type: [POLICY.TYPE, u32],
  minSigned: [POLICY.MIN_VALUE_S, u64],
  maxSigned: [POLICY.MAX_VALUE_S, u64],
  min: [POLICY.MIN_VALUE_U, u64],
  max: [POLICY.MAX_VALUE_U, u64],
  minLength: [POLICY.MIN_LENGTH, u32],
  maxLength: [POLICY.MAX_LENGTH, u32],
  index: [POLICY.POLICY_IDX, u32],
  maxType: [POLICY.POLICY_MAXTYPE, u32],
  bitfield32Mask: [POLICY.BITFIELD32_MASK, u32],
  mask: [POLICY.MASK, u64],
});

export interface ExtackAttrs {
  /** The kernel's own words: an error, or a warning when the request succeeded. */
  readonly message: string;
  /** Where in the request the bad attribute starts, counted from the start of its message header. */
  readonly offset: number;
  /** Identifies what was made, in some families. */
  readonly cookie: Uint8Array;
  readonly policy: AttrValues<PolicyAttrs>;
  /** Number of the attribute that is missing. */
  readonly missingType: number;
  /** Offset of the nest it is missing in; absent: in the message itself. */
  readonly missingNest: number;
}

const extackTable = attrs<ExtackAttrs>({
  message: [NLMSGERR_ATTR.MSG, cstr],
  offset: [NLMSGERR_ATTR.OFFS, u32],
  cookie: [NLMSGERR_ATTR.COOKIE, bytes],
  policy: [NLMSGERR_ATTR.POLICY, nested(policyTable)],
  missingType: [NLMSGERR_ATTR.MISS_TYPE, u32],
  missingNest: [NLMSGERR_ATTR.MISS_NEST, u32],
});

/** Extended ack: needs the socket option NETLINK_EXT_ACK. */
export type Extack = AttrValues<ExtackAttrs>;

/** The kernel's answer to one request. */
export interface Ack {
  /** 0 is success; otherwise the positive error number. */
  readonly errno: number;
  /** Number of the request that is answered. */
  readonly seq: number;
  /** Empty without NETLINK_EXT_ACK, or when the kernel has nothing to say. */
  readonly extack: Extack;
}

/**
 * Reads an NLMSG_ERROR message, which also carries success.
 *
 * ```text
 * 0       4                  20
 * | error | request's header | request's body (unless NLM_F_CAPPED or success) | extack attributes (NLM_F_ACK_TLVS) |
 * ```
 */
export function decodeAck(message: Message): Ack {
  const { body, flags } = message;
  if (message.type !== NLMSG.ERROR) throw new DecodeError(`message type ${message.type} is no ack`, 0);
  if (body.length < 4 + HEADER_SIZE)
    throw new DecodeError(`an ack takes at least 20 bytes, not ${body.length}`, 0);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const errno = -view.getInt32(0, true);
  const seq = view.getUint32(12, true);
  // A success is always capped, whatever the socket option says (netlink_ack in net/netlink/af_netlink.c).
  const capped = errno === 0 || (flags & NLM_F.CAPPED) !== 0;
  const requestSize = capped ? HEADER_SIZE : view.getUint32(4, true);
  const start = 4 + ((requestSize + 3) & ~3);
  return { errno: errno === 0 ? 0 : errno, seq, extack: extackAt(body, start, flags) };
}

/** How a dump ended. */
export interface Done {
  /** 0 when all went well; otherwise the positive error number. */
  readonly errno: number;
  readonly extack: Extack;
}

/** Reads an NLMSG_DONE message: the dump's error code, then extack attributes. */
export function decodeDone(message: Message): Done {
  const { body } = message;
  if (message.type !== NLMSG.DONE) throw new DecodeError(`message type ${message.type} ends no dump`, 0);
  // Some old families end a dump with an empty message.
  if (body.length < 4) return { errno: 0, extack: {} };
  const code = new DataView(body.buffer, body.byteOffset, body.byteLength).getInt32(0, true);
  return { errno: code < 0 ? -code : 0, extack: extackAt(body, 4, message.flags) };
}

function extackAt(body: Uint8Array, start: number, flags: number): Extack {
  if ((flags & NLM_F.ACK_TLVS) === 0) return {};
  if (start > body.length) throw new DecodeError(`extack starts at ${start} of ${body.length} bytes`, 0);
  return extackTable.decode(body, start, body.length);
}

/** True when the table changed while it was dumped (NLM_F_DUMP_INTR): the list is not to be trusted, dump again. */
export function dumpInterrupted(message: Message): boolean {
  return (message.flags & NLM_F.DUMP_INTR) !== 0;
}

/** Error numbers that mean something to a caller; all others are `kernel`. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ENODEV: "not_found",
  ENOENT: "not_found",
  ESRCH: "not_found",
  // Of RTM_DELADDR: the link does not have that address.
  EADDRNOTAVAIL: "not_found",
  EEXIST: "conflict",
  EADDRINUSE: "conflict",
  EBUSY: "in_use",
  ENOSPC: "exhausted",
  ENOBUFS: "exhausted",
  EOPNOTSUPP: "unsupported",
  EPROTONOSUPPORT: "unsupported",
  EAFNOSUPPORT: "unsupported",
  ENOTSUPP: "unsupported",
};

/** A refused request as the one error class: error name, the kernel's words and what they point at. */
export function ackError(
  ack: { readonly errno: number; readonly extack: Extack },
  about: { readonly op: string; readonly subject: string },
): NetError {
  const errno = errnoName(ack.errno);
  const { message, offset, missingType } = ack.extack;
  const details: string[] = [];
  if (message !== undefined && message !== "") details.push(message);
  if (missingType !== undefined) details.push(`attribute ${missingType} is missing`);
  // An offset tells a person nothing; it is better than nothing only.
  if (details.length === 0 && offset !== undefined) details.push(`rejected at byte ${offset} of the request`);
  const kernel = details.join(", ");
  return new NetError(CODES[errno] ?? "kernel", about.op, {
    message: `${about.op} ${about.subject}: ${kernel === "" ? errno : `${kernel} (${errno})`}`,
    subject: about.subject,
    errno,
    ...(kernel === "" ? {} : { kernel }),
  });
}
