import { DecodeError } from "../../base/cursor.ts";
import type { AttrType } from "../netlink/types.ts";

/** A signed number in network byte order: verdict codes and chain priorities. */
export const beI32: AttrType<number> = {
  name: "beI32",
  flags: 0,
  repeated: false,
  write(w, value) {
    w.be32(value >>> 0);
  },
  read(bytes, start, end, label) {
    if (end - start !== 4) throw new DecodeError(`${label}: beI32 takes 4 bytes, not ${end - start}`, start);
    return new DataView(bytes.buffer, bytes.byteOffset + start, 4).getInt32(0, false);
  },
};
