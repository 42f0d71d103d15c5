import { ROOT, type DnsName } from "./name.ts";

/** A name as zone files and `dig` write it: with the final dot. */
export function formatName(name: DnsName): string {
  return name === ROOT ? "." : `${name}.`;
}

/** A character string in quotes (RFC 1035 section 5.1): `\"`, `\\`, and `\DDD` for what is not printable ASCII. */
export function formatString(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) {
    if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`;
    else if (octet >= 0x20 && octet < 0x7f) text += String.fromCharCode(octet);
    else text += `\\${octet.toString().padStart(3, "0")}`;
  }
  return `"${text}"`;
}

/** In capitals, as `dig` prints data of unknown types. */
export function formatHex(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) text += octet.toString(16).padStart(2, "0");
  return text.toUpperCase();
}
