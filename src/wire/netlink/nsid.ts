import { Reader, Writer } from "../../base/cursor.ts";
import { attrs } from "./attrs.ts";
import type { Request } from "./message.ts";
import { NLM_F } from "./numbers.ts";
import { RTM } from "./route-numbers.ts";
import { i32, u32 } from "./types.ts";

/** Attributes of a namespace's id (linux/net_namespace.h). */
const NETNSA = { NSID: 1, FD: 3 } as const;
/** struct rtgenmsg is one byte, padded to four before attributes. */
const HEADER_SIZE = 4;
/** NETNSA_NSID_NOT_ASSIGNED */
const NOT_ASSIGNED = -1;

interface NsidAttrs {
  readonly nsid: number;
  readonly fd: number;
}

const table = attrs<NsidAttrs>({ nsid: [NETNSA.NSID, i32], fd: [NETNSA.FD, u32] });

/** Which id the socket's namespace has for the one behind the descriptor; answered by one RTM_NEWNSID. */
export function getNsid(fd: number): Request {
  const w = new Writer(16);
  w.zeros(HEADER_SIZE);
  table.encode(w, { fd });
  return { type: RTM.GETNSID, flags: NLM_F.REQUEST, body: w.bytes() };
}

/** The id in an RTM_NEWNSID; undefined when there is none. */
export function decodeNsid(body: Uint8Array): number | undefined {
  const r = new Reader(body);
  r.skip(HEADER_SIZE);
  r.check();
  const { nsid } = table.decode(body, r.offset, body.length);
  return nsid === NOT_ASSIGNED ? undefined : nsid;
}
