import { describe, expect, test } from "vitest";
import type { Hindrance } from "../model/probe.ts";
import { remedyFor } from "./remedy.ts";

const HINDRANCE: Hindrance = {
  certain: true,
  family: "ip",
  table: "filter",
  chain: "FORWARD",
  base: "FORWARD",
  hook: "forward",
  unknown: [],
};
const OUT = { bridge: "nd-1", direction: "from" } as const;
const IN = { bridge: "nd-1", direction: "to" } as const;
const RULE = { handle: "7", text: "drop" };

describe("remedyFor() speaks the language of the firewall whose rule it is:", () => {
  test.each<[string, Partial<Hindrance>, typeof OUT | typeof IN, string]>([
    ["iptables", {}, OUT, "iptables -I FORWARD -i nd-1 -j ACCEPT"],
    ["ip6tables", { family: "ip6" }, IN, "ip6tables -I FORWARD -o nd-1 -j ACCEPT"],
    ["ufw's policy", { isUfw: true }, OUT, "ufw route allow in on nd-1"],
    ["ufw's policy for what the host sends", { isUfw: true, hook: "output" }, IN, "ufw allow out on nd-1"],
    [
      "a rule of ufw's user",
      { isUfw: true, family: "ip6", chain: "ufw6-user-forward", rule: RULE },
      IN,
      "ufw route prepend allow out on nd-1 && ufw route allow out on nd-1",
    ],
    ["a rule before ufw's chains", { isUfw: true, rule: RULE }, OUT, "iptables -I FORWARD -i nd-1 -j ACCEPT"],
    [
      "firewalld",
      { family: "inet", table: "firewalld", chain: "filter_FWD_public", base: "filter_FORWARD" },
      OUT,
      "firewall-cmd --permanent --zone=trusted --add-interface=nd-1 && firewall-cmd --reload",
    ],
    [
      "nftables",
      { family: "inet", table: "fw", chain: "forward", base: "forward" },
      OUT,
      'nft insert rule inet fw forward iifname "nd-1" accept',
    ],
  ])("%s", (_, hindrance, traffic, remedy) => {
    expect(remedyFor({ ...HINDRANCE, ...hindrance }, traffic)).toBe(remedy);
  });
});
