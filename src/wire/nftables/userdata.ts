import { readText } from "../netlink/types.ts";

/**
 * Userdata is opaque to the kernel; nft keeps a list of type, length, value in it, a byte each for type and length
 * (libnftnl/udata.h). Comments are what it shows, and the type of a comment depends on the object.
 */
export const UDATA_COMMENT = {
  table: 0,
  chain: 0,
  rule: 0,
  element: 0,
  object: 0,
  set: 7,
} as const;

/** What nft keeps about the types of a set: byte orders, which the kernel does not know (NFTNL_UDATA_SET_*). */
export const UDATA_SET = { KEYBYTEORDER: 0, DATABYTEORDER: 1, DATA_INTERVAL: 6 } as const;

/** One entry that holds a number in host byte order. */
export function numberData(type: number, value: number): Uint8Array {
  const out = new Uint8Array(6);
  out[0] = type;
  out[1] = 4;
  new DataView(out.buffer).setUint32(2, value, true);
  return out;
}

/** Longest comment nft writes, in bytes (NFTNL_UDATA_COMMENT_MAXLEN). */
const MAX_COMMENT = 128;

/** Userdata that is one comment, as nft writes it. Longer comments are cut at a character. */
export function commentData(of: keyof typeof UDATA_COMMENT, text: string): Uint8Array {
  let bytes = new TextEncoder().encode(text);
  for (let end = text.length; bytes.length >= MAX_COMMENT; end--)
    bytes = new TextEncoder().encode(text.slice(0, end));
  const out = new Uint8Array(bytes.length + 3);
  out[0] = UDATA_COMMENT[of];
  out[1] = bytes.length + 1;
  out.set(bytes, 2);
  return out;
}

/** The comment in userdata, if there is one; userdata of others that is no such list has none. */
export function commentOf(
  of: keyof typeof UDATA_COMMENT,
  userdata: Uint8Array | undefined,
): string | undefined {
  if (userdata === undefined) return undefined;
  let at = 0;
  while (at + 2 <= userdata.length) {
    const end = at + 2 + (userdata[at + 1] as number);
    if (end > userdata.length) return undefined;
    if (userdata[at] === UDATA_COMMENT[of]) return readText(userdata, at + 2, end);
    at = end;
  }
  return undefined;
}

/** Userdata of several entries. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
