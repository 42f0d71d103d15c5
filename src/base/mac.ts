import type { Brand } from "./brand.ts";
import { NetError, showValue } from "./errors.ts";

/** A 48-bit MAC address in its one canonical text: lower-case hex pairs joined by colons. */
export type Mac = Brand<string, "Mac">;

export function tryParseMac(text: string): Mac | undefined {
  const match = /^([0-9a-fA-F]{2})([:-])([0-9a-fA-F]{2}\2){4}[0-9a-fA-F]{2}$/.test(text);
  return match ? (text.toLowerCase().replaceAll("-", ":") as Mac) : undefined;
}

/** A unicast MAC: group addresses and all zeros cannot belong to an interface. */
export function parseMac(text: string, field: string = "mac", op: string = "parse"): Mac {
  const mac = tryParseMac(text);
  const right = "write six hex pairs like 02:42:ac:11:00:02, unicast (first octet even) and not all zero";
  if (mac !== undefined && ((macBytes(mac)[0] as number) & 1) === 0 && mac !== "00:00:00:00:00:00")
    return mac;
  throw new NetError("invalid", op, {
    message: `${field}: ${showValue(text)} is not a usable MAC address: ${right}`,
    field,
    value: showValue(text),
    remedy: right,
  });
}

export function macBytes(mac: Mac): Uint8Array {
  const out = new Uint8Array(6);
  for (let i = 0; i < 6; i++) out[i] = Number.parseInt(mac.slice(i * 3, i * 3 + 2), 16);
  return out;
}

export function macFromBytes(bytes: Uint8Array): Mac {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(":") as Mac;
}

/** A locally administered unicast MAC from six random bytes. */
export function localMac(random: Uint8Array): Mac {
  const bytes = random.slice(0, 6);
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  return macFromBytes(bytes);
}
