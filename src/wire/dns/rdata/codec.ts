import type { Reader, Writer } from "../../../base/cursor.ts";
import type { NameTable } from "../name.ts";

/**
 * How one kind of record data is read, written and shown. The data length is written and checked by the caller
 * (`record.ts`): `read` may trust `size` only as the place where its data ends.
 */
export interface RDataCodec<Data> {
  /** The RR type's number. */
  readonly type: number;
  /**
   * The layout holds in class IN alone (addresses, and whatever RFC 2782 and later define for IN). In other classes such
   * data is kept as bytes.
   */
  readonly onlyIn: boolean;
  /** `r` reads the whole message, since names may point back into it. */
  read(r: Reader, size: number): Data;
  write(w: Writer, data: Data, names: NameTable): void;
  /** As a zone file shows it (RFC 1035 section 5.1), on one line. */
  format(data: Data): string;
}
