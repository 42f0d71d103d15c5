/** Longer names are nobody's slip of the hand, and comparing takes time with the square of the length. */
const LONGEST = 64;

/**
 * The known name that a misspelt one is close to, or undefined: the same letters in another case or style (`ip_range` for
 * `ipRange`), or one slip of the hand away, two in names of six letters or more.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST) return undefined;
  const wanted = plain(name);
  const limit = wanted.length < 6 ? 1 : 2;
  let best: { readonly name: string; readonly slips: number } | undefined;
  for (const candidate of known) {
    const slips = distance(wanted, plain(candidate));
    if (slips <= limit && (best === undefined || slips < best.slips)) best = { name: candidate, slips };
  }
  return best?.name;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_. ]/g, "");
}

/**
 * How many letters were added, left out, replaced, or swapped with their neighbour (optimal string alignment distance): the
 * table of distances between all beginnings of the two, of which three rows are needed at a time.
 */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const added = (next[j - 1] ?? 0) + 1;
      const left = (row[j] ?? 0) + 1;
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      next.push(Math.min(replaced, added, left, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
