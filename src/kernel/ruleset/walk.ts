import type { Hindrance, ProbePacket } from "../../model/probe.ts";
import { NF_INET, NFPROTO, NFT_VERDICT, type Verdict } from "../../wire/nftables/index.ts";
import { describeRule } from "./describe.ts";
import { factsAt, type Facts } from "./packet.ts";
import type { Ruleset, RulesetChain } from "./read.ts";
import { applyRule } from "./rule.ts";

const FAMILY_NAMES: Readonly<Record<number, string>> = {
  [NFPROTO.INET]: "inet",
  [NFPROTO.IPV4]: "ip",
  [NFPROTO.IPV6]: "ip6",
};
const HOOK_NAMES = ["prerouting", "input", "forward", "output", "postrouting"] as const;

/** Hooks in the order in which a packet meets them. */
const WAYS: Readonly<Record<ProbePacket["way"], readonly number[]>> = {
  input: [NF_INET.PRE_ROUTING, NF_INET.LOCAL_IN],
  forward: [NF_INET.PRE_ROUTING, NF_INET.FORWARD, NF_INET.POST_ROUTING],
  output: [NF_INET.LOCAL_OUT, NF_INET.POST_ROUTING],
};

/** Of ufw's making, in each table that it fills (ufw-framework(8)). */
const UFW_CHAINS = ["ufw-before-forward", "ufw6-before-forward"] as const;

/** The kernel's own limit to jumps (NFT_JUMP_STACK_SIZE). */
const MAX_DEPTH = 16;

/**
 * Follows a packet through all base chains that see it, in the kernel's order, and gives the rules and policies that drop it
 * or may do so. After one that surely drops it nothing more is looked at: it is gone.
 */
export function followPacket(
  ruleset: Ruleset,
  packet: ProbePacket,
  indexOf: (link: string) => number | undefined,
): Hindrance[] {
  const found: Hindrance[] = [];
  for (const hook of WAYS[packet.way]) {
    const bases = ruleset.chains
      .filter((chain) => chain.hook?.hooknum === hook)
      .toSorted((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0));
    for (const base of bases) {
      const facts = factsAt(packet, { hook, priority: base.hook?.priority ?? 0 }, indexOf);
      const own = facts.family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6;
      if (base.family !== NFPROTO.INET && base.family !== own) continue;
      const walk = new Walk({ ruleset, base, facts, hook: HOOK_NAMES[hook] ?? "" });
      walk.run();
      found.push(...walk.found);
      if (walk.isDropped) return found;
    }
  }
  return found;
}

/** How a chain ended: with a verdict, or by its last rule (undefined). */
type End = "accept" | "drop" | undefined;

/** One packet in one base chain. */
class Walk {
  readonly found: Hindrance[] = [];
  isDropped = false;
  readonly #ruleset: Ruleset;
  readonly #base: RulesetChain;
  readonly #facts: Facts;
  readonly #hook: string;
  /** What was not understood in rules that may have let the packet pass already. */
  readonly #open: string[] = [];

  constructor(options: {
    readonly ruleset: Ruleset;
    readonly base: RulesetChain;
    readonly facts: Facts;
    readonly hook: string;
  }) {
    this.#ruleset = options.ruleset;
    this.#base = options.base;
    this.#facts = options.facts;
    this.#hook = options.hook;
  }

  run(): void {
    const end = this.#chain(this.#base, 0);
    if (end === undefined && this.#base.policy === NFT_VERDICT.DROP) this.#drop(this.#base, []);
  }

  #chain(chain: RulesetChain, depth: number): End {
    if (depth > MAX_DEPTH) return undefined;
    for (const rule of chain.rules) {
      const { expressions = [] } = rule;
      const setOf = (name: string): ReturnType<Ruleset["set"]> => this.#ruleset.set(chain, name);
      const { matches, unknown, verdict } = applyRule(expressions, this.#facts, setOf);
      if (matches === false || verdict === undefined) continue;
      const known = matches === true;
      const before = this.#open.length;
      if (!known) this.#open.push(...unknown);
      const end = this.#verdict(verdict, { chain, rule, depth });
      if (known && end !== "next") return end;
      // It may have been dropped there, which says nothing about what comes later for a packet that was not.
      if (!known && verdict.kind === "drop") this.#open.length = before;
    }
    return undefined;
  }

  /** What a rule that matches, or may match, leads to; `next`: the next rule. */
  #verdict(
    verdict: Verdict,
    at: {
      readonly chain: RulesetChain;
      readonly rule: RulesetChain["rules"][number];
      readonly depth: number;
    },
  ): End | "next" {
    switch (verdict.kind) {
      case "accept":
        return "accept";
      case "drop":
        this.#drop(at.chain, [], at.rule);
        return "drop";
      case "jump":
      case "goto": {
        const target = this.#ruleset.chain(at.chain, verdict.chain);
        const end = target === undefined ? undefined : this.#chain(target, at.depth + 1);
        return end === undefined && verdict.kind === "jump" ? "next" : end;
      }
      case "return":
        return undefined;
      case "unknown":
        // A queue: a program decides. It may come back by the next base chain.
        this.#drop(at.chain, [describeRule(at.rule.expressions ?? [])], at.rule);
        return "accept";
      default:
        return "next";
    }
  }

  #drop(chain: RulesetChain, why: readonly string[], rule?: RulesetChain["rules"][number]): void {
    const unknown = [...new Set([...this.#open, ...why])];
    const certain = unknown.length === 0;
    if (certain) this.isDropped = true;
    this.found.push({
      certain,
      family: FAMILY_NAMES[chain.family] ?? String(chain.family),
      table: chain.table ?? "",
      chain: chain.name ?? "",
      base: this.#base.name ?? "",
      hook: this.#hook,
      isUfw: UFW_CHAINS.some((name) => this.#ruleset.chain(this.#base, name) !== undefined) || undefined,
      rule:
        rule === undefined
          ? undefined
          : { handle: String(rule.handle ?? ""), text: describeRule(rule.expressions ?? []) },
      unknown,
    });
  }
}
