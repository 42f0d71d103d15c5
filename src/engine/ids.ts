import { randomInt, randomUUID } from "node:crypto";
import { localMac, type Mac } from "../base/mac.ts";

/**
 * 32 hex digits, all but the 13th and 17th random (RFC 9562 section 5.4). From a pool of random bytes that the runtime fills
 * a hundred at a time: asked for one by one they were a fiftieth of an attach.
 */
function randomDigits(): string {
  return randomUUID().replaceAll("-", "");
}

/** 64 lower-case hex digits. */
export function newId<T extends string>(): T {
  return (randomDigits() + randomDigits()) as T;
}

export function newMac(): Mac {
  return localMac(Buffer.from(randomDigits().slice(0, 12), "hex"));
}

const ADJECTIVES =
  "brisk calm clever eager gentle happy keen lively mellow noble patient quick quiet rapid sharp steady sunny swift warm wise";
const NOUNS =
  "badger beacon bridge brook canal cedar comet ferry harbor heron juniper lantern maple otter packet pilot quay river sparrow willow";

/** A readable name like `quick-otter`, with a number when the plain ones are taken. */
export function newName(taken: (name: string) => boolean): string {
  const adjectives = ADJECTIVES.split(" ");
  const nouns = NOUNS.split(" ");
  for (let round = 0; ; round++) {
    const base = `${adjectives[randomInt(adjectives.length)]}-${nouns[randomInt(nouns.length)]}`;
    const name = round < 5 ? base : `${base}-${randomInt(10, 1_000_000)}`;
    if (!taken(name)) return name;
  }
}
