import type { Ip } from "../base/ip.ts";
import type { Protocol } from "./ports.ts";

/**
 * The first packet of a connection, or the first answer, as the host's filters would see it. Nothing is sent: what becomes of
 * it is read off the rules.
 */
export interface ProbePacket {
  /** To this host, through it, or from it. */
  readonly way: "input" | "forward" | "output";
  /** Links by name: one it comes in by (not of `output`), one it goes out by (not of `input`). */
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  /** Of one family. The destination is the one after translation. */
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: Protocol;
  /** Destination port after translation; of an answer, the port it comes from. */
  readonly port: number;
  /** It answers the first packet. */
  readonly answer?: true | undefined;
  /** What it was addressed to, where a published port translates it. */
  readonly published?: { readonly ip: Ip; readonly port: number } | undefined;
}

/** A rule or policy that keeps a packet from its way. */
export interface Hindrance {
  /** False: it depends on something that netdock does not understand or cannot know. */
  readonly certain: boolean;
  /** nft's words: `ip`, `ip6`, `inet`. */
  readonly family: string;
  readonly table: string;
  /** The chain it is in, and the base chain from which that was reached; the same for a policy. */
  readonly chain: string;
  readonly base: string;
  readonly hook: string;
  /** The base chain is one that ufw has put its chains into. */
  readonly isUfw?: true | undefined;
  /** Absent: it is the base chain's policy. */
  readonly rule?: { readonly handle: string; readonly text: string } | undefined;
  /** What it is that is not understood, in words. */
  readonly unknown: readonly string[];
}
