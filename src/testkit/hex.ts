/** Bytes of hexadecimal text; spaces and line breaks are for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
}

/** Bytes as lines of four, so that a failed comparison shows the words that differ. */
export function words(bytes: Uint8Array): string[] {
  return bytes.toHex().match(/.{1,8}/g) ?? [];
}

/** One recorded buffer; `note` is the comment above it, or above the nearest buffer before it that has one. */
export interface Recorded {
  readonly note: string;
  readonly bytes: Uint8Array;
}

/** Reads a file of recordings: paragraphs of hexadecimal lines, each with comment lines (`# …`) above it or not. */
export function parseRecorded(text: string): Recorded[] {
  const out: Recorded[] = [];
  let note = "";
  for (const paragraph of text.split(/\n\n+/)) {
    const lines = paragraph.split("\n");
    const comments = lines.filter((line) => line.startsWith("#"));
    if (comments.length > 0) note = comments.map((line) => line.slice(2)).join("\n");
    const bytes = hex(lines.filter((line) => !line.startsWith("#")).join(""));
    if (bytes.length > 0) out.push({ note, bytes });
  }
  return out;
}
