import { NetError } from "../../../base/errors.ts";
import { TYPE } from "../constants.ts";
import { formatString } from "../text.ts";
import type { RDataCodec } from "./codec.ts";

/** RFC 1035 section 3.3.14. */
export interface TxtData {
  readonly kind: "TXT";
  /** At least one, of up to 255 octets each; what they mean is the reader's affair, so they stay bytes. */
  readonly strings: readonly Uint8Array[];
}

export const txtCodec: RDataCodec<TxtData> = {
  type: TYPE.TXT,
  onlyIn: false,
  read(r, size) {
    const end = r.offset + size;
    const strings: Uint8Array[] = [];
    do strings.push(r.take(r.u8()));
    while (r.error === undefined && r.offset < end);
    return { kind: "TXT", strings };
  },
  write(w, data) {
    if (data.strings.length === 0) throw bad("at least one string, which may be empty");
    for (const bytes of data.strings) {
      if (bytes.length > 255) throw bad(`strings of at most 255 octets, not ${bytes.length}`);
      w.u8(bytes.length).put(bytes);
    }
  },
  format: (data) => data.strings.map((bytes) => formatString(bytes)).join(" "),
};

function bad(right: string): NetError {
  return new NetError("invalid", "dns.encode", { message: `TXT data has ${right}`, field: "strings" });
}
