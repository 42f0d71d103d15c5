import type { StreamName } from "../../../engine/containers/stream-log.ts";
import type { Call } from "../route.ts";

const NUMBER: Readonly<Record<StreamName, number>> = { stdout: 1, stderr: 2 };

/** Content types of streams: as the terminal has them, or both in one (Docker Engine API, ContainerAttach). */
export function streamType(tty: boolean): string {
  return `application/vnd.docker.${tty ? "raw" : "multiplexed"}-stream`;
}

/** Eight bytes before the rest: which stream, three zeros, and the length, big-endian. Of a terminal: nothing. */
export function framed(
  bytes: Uint8Array,
  of: { readonly stream: StreamName; readonly tty: boolean },
): Uint8Array {
  if (of.tty) return bytes;
  const out = new Uint8Array(8 + bytes.length);
  out[0] = NUMBER[of.stream];
  new DataView(out.buffer).setUint32(4, bytes.length);
  out.set(bytes, 8);
  return out;
}

/** Which streams a request wants. */
export function wantedStreams({ flag }: Call): ReadonlySet<StreamName> {
  return new Set((["stdout", "stderr"] as const).filter((stream) => flag(stream)));
}
