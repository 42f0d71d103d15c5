import { describe, expect, it } from "vitest";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage, type Request } from "./message.ts";
import { AF_INET, AF_INET6, type Ip, parseIp } from "../../base/ip.ts";
import { FR_ACT, RT_TABLE } from "./route-numbers.ts";
import { addRule, deleteRule, dumpRules } from "./rule.ts";

const ip = (text: string): Ip => parseIp(text);

/** What iproute2 6.1 sends for each command, its sequence number set to 0. Links: br0 is 10, v0 20, v1 21, vx0 40. */
const GOLDEN: readonly { command: string; request: Request; bytes: string }[] = [
  {
    command: "ip rule add fwmark 0x5/0xff table 1000 priority 99 iif br0",
    request: addRule({
      family: AF_INET,
      action: FR_ACT.TO_TBL,
      mark: 5,
      markMask: 0xff,
      table: 1000,
      priority: 99,
      iifName: "br0",
    }),
    bytes: `
      44000000 20000506 00000000 00000000 02000000 00000001 00000000 08000a00
      05000000 08001000 ff000000 08000f00 e8030000 08000600 63000000 08000300
      62723000
    `,
  },
  {
    command: "ip -6 rule add from fd00::/64 lookup main pref 7 suppress_prefixlength 0",
    request: addRule({
      family: AF_INET6,
      action: FR_ACT.TO_TBL,
      sourceLength: 64,
      source: ip("fd00::"),
      table: RT_TABLE.MAIN,
      priority: 7,
      suppressPrefixLength: 0,
    }),
    bytes: `
      40000000 20000506 00000000 00000000 0a004000 fe000001 00000000 14000200
      fd000000 00000000 00000000 00000000 08000600 07000000 08000e00 00000000
    `,
  },
  {
    command: "ip rule del priority 99",
    request: deleteRule({ family: AF_INET, priority: 99 }),
    bytes: `
      24000000 21000500 00000000 00000000 02000000 00000000 00000000 08000600
      63000000
    `,
  },
  {
    command: "ip rule show",
    request: dumpRules({ family: AF_INET }),
    bytes: `
      1c000000 22000103 00000000 00000000 02000000 00000000 00000000
    `,
  },
];

describe("rule requests", () => {
  it.each(GOLDEN)("$command", ({ request, bytes }) => {
    const sent = encodeMessage({ ...request, seq: 0, pid: 0 });
    expect(words(sent)).toEqual(words(hex(bytes)));
  });
});
