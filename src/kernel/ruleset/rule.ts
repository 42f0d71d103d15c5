import { unreachable } from "../../base/unreachable.ts";
import {
  type Expression,
  NFT_BYTEORDER,
  NFT_LOOKUP_F_INV,
  NFT_REG,
  type Verdict,
} from "../../wire/nftables/index.ts";
import { describeExpression } from "./describe.ts";
import { lookUp } from "./lookup.ts";
import type { Facts } from "./packet.ts";
import type { RulesetSet } from "./read.ts";
import { type Answer, Registers } from "./registers.ts";
import { decodeExtension, stateMatch, XT_DROPS, XT_GOES_ON, XT_MARKS } from "./xt.ts";

/** What a rule makes of a packet. */
export interface Ruling {
  /** Undefined: depends on what is in `unknown`. */
  readonly matches: Answer;
  readonly unknown: readonly string[];
  /** Absent: goes on with the next rule. Queues and what else may come are `unknown`. */
  readonly verdict?: Verdict | undefined;
}

const NO: Ruling = { matches: false, unknown: [] };

/**
 * Runs a rule's expressions on a packet, as nft_do_chain does. What is not understood, and what depends on more than the
 * packet (rates, random numbers, marks), makes the answer open: nothing is guessed.
 */
export function applyRule(
  expressions: readonly Expression[],
  facts: Facts,
  setOf: (name: string) => RulesetSet | undefined,
): Ruling {
  const registers = new Registers();
  const unknown: string[] = [];
  let verdict: Verdict | undefined;
  for (const expression of expressions) {
    const outcome = run(expression, { registers, facts, setOf });
    if (outcome === false) return NO;
    if (outcome === undefined) unknown.push(describeExpression(expression));
    else if (typeof outcome === "object") {
      verdict = outcome;
      break;
    }
  }
  return { matches: unknown.length === 0 ? true : undefined, unknown, verdict };
}

interface Machine {
  readonly registers: Registers;
  readonly facts: Facts;
  readonly setOf: (name: string) => RulesetSet | undefined;
}

/** A verdict; or whether the rule goes on, of which undefined leaves the answer open. */
function run(expression: Expression, machine: Machine): Answer | Verdict {
  const { registers, facts } = machine;
  switch (expression.kind) {
    case "meta":
    case "ct":
    case "payload":
    case "fib": {
      const { dreg } = expression.data ?? {};
      // Without a register to write, it changes the packet: marks, priorities.
      if (dreg !== undefined) registers.load(dreg, facts.load(expression));
      return true;
    }
    case "cmp":
      return registers.compare(expression.data ?? {});
    case "range":
      return registers.range(expression.data ?? {});
    case "bitwise":
      registers.bitwise(expression.data ?? {});
      return true;
    case "byteorder": {
      const { sreg = 0, dreg = 0, len = 0, size = 2, op = NFT_BYTEORDER.NTOH } = expression.data ?? {};
      // Both directions turn the bytes around on a little-endian machine.
      if (op === NFT_BYTEORDER.NTOH || op === NFT_BYTEORDER.HTON)
        registers.byteorder(sreg, dreg, { len, size });
      return true;
    }
    case "immediate": {
      const { dreg = NFT_REG.VERDICT, data } = expression.data ?? {};
      if (data === undefined) return undefined;
      if ("verdict" in data) return data.verdict;
      registers.load(dreg, [...data.value]);
      return true;
    }
    case "lookup":
      return runLookup(expression, machine);
    case "counter":
    case "log":
    case "notrack":
      return true;
    case "reject":
      return { kind: "drop" };
    // Translations end their chain.
    case "nat":
    case "masq":
    case "redir":
      return { kind: "accept" };
    case "limit":
      return undefined;
    case "unknown":
      return runForeign(expression, facts);
    default:
      return unreachable(expression);
  }
}

function runLookup(expression: Extract<Expression, { kind: "lookup" }>, machine: Machine): Answer | Verdict {
  const { sreg = 0, dreg, set: name = "", flags = 0 } = expression.data ?? {};
  const set = machine.setOf(name);
  if (set === undefined) return undefined;
  const found = lookUp(set, machine.registers.read(sreg, set.keyLen ?? 0));
  if (found === undefined) return undefined;
  const isIn = found !== null;
  if (((flags & NFT_LOOKUP_F_INV) !== 0) === isIn) return false;
  if (dreg === undefined || found === null || found.data === undefined) return true;
  if ("verdict" in found.data) return found.data.verdict;
  machine.registers.load(dreg, [...found.data.value]);
  return true;
}

/** What the codec keeps as bytes: extensions of xtables, and expressions of later kernels. */
function runForeign(expression: Extract<Expression, { kind: "unknown" }>, facts: Facts): Answer | Verdict {
  const { name, bytes } = expression;
  if (name === "match") {
    const extension = decodeExtension(bytes);
    if (extension.name === "comment") return true;
    const match = stateMatch(extension);
    if (match === undefined) return undefined;
    const isOne = (match.states & facts.state) !== 0 || (match.translated && facts.translated);
    return isOne !== match.inverted;
  }
  if (name === "target") {
    const extension = decodeExtension(bytes).name;
    if (XT_DROPS.has(extension)) return { kind: "drop" };
    // A mark changes nothing that is known here.
    if (XT_GOES_ON.has(extension) || XT_MARKS.has(extension)) return true;
    if (extension === "MASQUERADE" || extension === "DNAT" || extension === "SNAT") return { kind: "accept" };
    return { kind: "unknown", code: facts.family };
  }
  if (name === "objref" || name === "flow_offload" || name === "last") return true;
  // `queue` hands the packet to a program; what else there is may end the rule or not.
  return name === "queue" ? { kind: "unknown", code: 0 } : undefined;
}
