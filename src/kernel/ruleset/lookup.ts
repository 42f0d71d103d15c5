import { NFT_SET, NFT_SET_ELEM, type SetElement } from "../../wire/nftables/index.ts";
import type { Bytes } from "./packet.ts";
import type { RulesetSet } from "./read.ts";
import { compareBytes } from "./registers.ts";

/** An element, none (null), or undefined: a part of the key is not known, and it matters. */
export type Found = SetElement | null | undefined;

/** Looks a key up as the kernel does: by equality, by ranges of one key, or by ranges field by field. */
export function lookUp(set: RulesetSet, key: Bytes): Found {
  const own = set.elements.filter((element) => element.key !== undefined);
  const found =
    ((set.flags ?? 0) & NFT_SET.INTERVAL) === 0
      ? byEquality(set, own, key)
      : own.some((element) => element.keyEnd !== undefined)
        ? byFields(set, own, key)
        : byRange(own, key);
  if (found !== null) return found;
  // For whatever key has no element of its own.
  return set.elements.find((element) => ((element.flags ?? 0) & NFT_SET_ELEM.CATCHALL) !== 0) ?? null;
}

/** Elements by key, for sets of thousands. */
const indexes = new WeakMap<RulesetSet, Map<string, SetElement>>();

function indexOf(set: RulesetSet): Map<string, SetElement> {
  const known = indexes.get(set);
  if (known !== undefined) return known;
  const index = new Map(set.elements.map((element) => [bytesOf(element.key).join(" "), element]));
  indexes.set(set, index);
  return index;
}

function byEquality(set: RulesetSet, elements: readonly SetElement[], key: Bytes): Found {
  if (!key.includes(undefined)) return indexOf(set).get(key.join(" ")) ?? null;
  let open = false;
  for (const element of elements) {
    const value = bytesOf(element.key);
    const isApart = key.some((byte, i) => byte !== undefined && byte !== value[i]);
    if (!isApart) open = true;
  }
  return open ? undefined : null;
}

/** Starts and ends of ranges, each an element; an end is the first key that is outside. */
function byRange(elements: readonly SetElement[], key: Bytes): Found {
  if (elements.length === 0) return null;
  let best: SetElement | undefined;
  for (const element of elements) {
    const sign = compareBytes(key, bytesOf(element.key));
    if (sign === undefined) return undefined;
    if (sign < 0) continue;
    // Where one range ends and the next begins there are two elements with the same key: the start counts.
    const order = best === undefined ? 1 : (compareBytes([...bytesOf(element.key)], bytesOf(best.key)) ?? 0);
    if (order > 0 || (order === 0 && !isEnd(element))) best = element;
  }
  return best === undefined || isEnd(best) ? null : best;
}

function isEnd(element: SetElement): boolean {
  return ((element.flags ?? 0) & NFT_SET_ELEM.INTERVAL_END) !== 0;
}

function byFields(set: RulesetSet, elements: readonly SetElement[], key: Bytes): Found {
  const lengths = set.desc?.concat?.map(({ len = 0 }) => len) ?? [set.keyLen ?? 0];
  let open = false;
  for (const element of elements) {
    const [from, to] = [bytesOf(element.key), bytesOf(element.keyEnd ?? element.key)];
    let answer: boolean | undefined = true;
    let at = 0;
    for (const length of lengths) {
      const field = key.slice(at, at + length);
      const low = compareBytes(field, from.subarray(at, at + length));
      const high = compareBytes(field, to.subarray(at, at + length));
      if (low === undefined || high === undefined) answer = answer === false ? false : undefined;
      else if (low < 0 || high > 0) answer = false;
      at += (length + 3) & ~3;
    }
    if (answer === true) return element;
    if (answer === undefined) open = true;
  }
  return open ? undefined : null;
}

function bytesOf(data: SetElement["key"]): Uint8Array {
  return data !== undefined && "value" in data ? data.value : new Uint8Array(0);
}
