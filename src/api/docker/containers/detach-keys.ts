import { NetError } from "../../../base/errors.ts";

/** ctrl-p ctrl-q */
const DEFAULT: readonly number[] = [16, 17];

/** `ctrl-p,ctrl-q`, `a,ctrl-@`: the bytes that these keys send (moby/term, ToBytes). */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === "") return DEFAULT;
  return text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key);
    if (control !== null) return (control[1] as string).toUpperCase().charCodeAt(0) & 0x1f;
    if (key.length === 1) return key.charCodeAt(0);
    throw new NetError("invalid", "container.attach", {
      message: `Invalid detach keys (${text}) provided`,
      field: "detachKeys",
      value: text,
    });
  });
}

/** Looks for the keys in what a client types. Keys that only began are held back until it is clear what they are. */
export class DetachKeys {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What may go on to the command; `detached`: the keys were typed, and nothing behind them counts. */
  feed(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly detached: boolean } {
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { bytes: Uint8Array.from(out), detached: true };
        continue;
      }
      out.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return { bytes: Uint8Array.from(out), detached: false };
  }
}
