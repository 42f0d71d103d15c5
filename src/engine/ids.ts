import { randomBytes, randomInt } from "node:crypto";
import { localMac, type Mac } from "../base/mac.ts";

/** 64 lower-case hex digits. */
export function newId<T extends string>(): T {
  return randomBytes(32).toString("hex") as T;
}

export function newMac(): Mac {
  return localMac(randomBytes(6));
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
