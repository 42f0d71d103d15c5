import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseIp } from "../../base/ip.ts";
import type { ProbePacket } from "../../model/probe.ts";
import { networkElements } from "../../plan/firewall/index.ts";
import { hindranceText } from "../../plan/remedy.ts";
import { withHostNamespace } from "../../testkit/kernel.ts";

const OUT: ProbePacket = {
  way: "forward",
  iif: "nd-1",
  oif: "eth0",
  source: parseIp("10.5.0.2"),
  destination: parseIp("203.0.113.9"),
  protocol: "tcp",
  port: 443,
};
const OUT6: ProbePacket = { ...OUT, source: parseIp("fd05::2"), destination: parseIp("2001:db8::9") };
const IN: ProbePacket = {
  way: "forward",
  iif: "eth0",
  oif: "nd-1",
  source: parseIp("203.0.113.9"),
  destination: parseIp("10.5.0.2"),
  protocol: "tcp",
  port: 80,
  published: { ip: parseIp("192.0.2.1"), port: 8080 },
};

/** A table with one base chain in `forward`, its policy and the given rules. */
const forward = (policy: string, rules: string, family = "inet"): string => `table ${family} t {
  chain other {
    drop
  }
  chain f {
    type filter hook forward priority 0; policy ${policy};
    ${rules}
  }
}`;

/** What becomes of packets: `drops` or `may drop`, the chain, and the rule without its handle. */
function fates(script: string, packets: readonly ProbePacket[]): Promise<string[][]> {
  const { promise, resolve } = Promise.withResolvers<string[][]>();
  return withHostNamespace((home) => {
    home.visit(() => execFileSync("nft", ["-f", "-"], { input: script }));
    resolve(
      home.host.follow(packets).map((list) =>
        list.map(({ certain, family, table, chain, rule }) => {
          const what = rule === undefined ? "policy" : rule.text;
          return `${certain ? "drops" : "may drop"}: ${family} ${table} ${chain}: ${what}`;
        }),
      ),
    );
  }).then(() => promise);
}

test.each<[string, string, ProbePacket, string[]]>([
  ["no rules", "", OUT, []],
  ["a chain that accepts", forward("accept", ""), OUT, []],
  ["a policy", forward("drop", ""), OUT, ["drops: inet t f: policy"]],
  ["a table of the other family", forward("drop", "", "ip6"), OUT, []],
  ["a table of its own family", forward("drop", "", "ip6"), OUT6, ["drops: ip6 t f: policy"]],
  ["an accept before the policy", forward("drop", 'iifname "nd-1" accept'), OUT, []],
  ["another link's accept", forward("drop", 'iifname "nd-2" accept'), OUT, ["drops: inet t f: policy"]],
  ["a prefix of names", forward("drop", 'iifname "nd-*" accept'), OUT, []],
  ["a rule", forward("accept", 'oifname "eth0" drop'), OUT, ['drops: inet t f: oifname "eth0" drop']],
  ["a negation", forward("accept", 'oifname != "eth0" drop'), OUT, []],
  [
    "a reject",
    forward("accept", "ip saddr 10.5.0.0/24 reject"),
    OUT,
    ["drops: inet t f: meta nfproto 2 ip saddr 10.5.0.0/24 reject"],
  ],
  [
    "a prefix of odd length",
    forward("accept", "ip saddr 10.4.0.0/15 drop"),
    OUT,
    ["drops: inet t f: meta nfproto 2 ip saddr 10.4.0.0/15 drop"],
  ],
  ["a prefix beside", forward("accept", "ip saddr 10.6.0.0/15 drop"), OUT, []],
  [
    "an IPv6 prefix",
    forward("accept", "ip6 saddr fd05::/16 drop"),
    OUT6,
    ["drops: inet t f: meta nfproto 10 ip6 saddr fd05::/16 drop"],
  ],
  [
    "a port",
    forward("accept", "tcp dport 443 drop"),
    OUT,
    ["drops: inet t f: meta l4proto 6 th dport 443 drop"],
  ],
  [
    "a range of ports",
    forward("accept", "tcp dport 400-500 drop"),
    OUT,
    ["drops: inet t f: meta l4proto 6 th dport >= 400 th dport <= 500 drop"],
  ],
  [
    "a set of ports and ranges",
    forward("accept", "tcp dport { 22, 400-500 } drop"),
    OUT,
    ["drops: inet t f: meta l4proto 6 th dport @__set0 drop"],
  ],
  ["a set without it", forward("accept", "tcp dport { 22, 444-500 } drop"), OUT, []],
  [
    "a set of addresses with prefixes",
    forward("accept", "ip daddr { 203.0.113.0/28, 198.51.100.1 } drop"),
    OUT,
    ["drops: inet t f: meta nfproto 2 ip daddr @__set0 drop"],
  ],
  [
    "a set of pairs with ranges",
    forward("accept", "ip saddr . tcp dport { 10.5.0.0/24 . 400-500 } drop"),
    OUT,
    ["drops: inet t f: meta nfproto 2 meta l4proto 6 ip saddr . th dport @__set0 drop"],
  ],
  [
    "a map of verdicts",
    forward("accept", 'iifname vmap { "nd-1" : jump other }'),
    OUT,
    ["drops: inet t other: drop"],
  ],
  ["a jump", forward("accept", "jump other"), OUT, ["drops: inet t other: drop"]],
  ["state new", forward("drop", "ct state established,related accept"), OUT, ["drops: inet t f: policy"]],
  ["state new, accepted", forward("drop", "ct state new accept"), OUT, []],
  ["a connection by a published port", forward("drop", "ct status dnat accept"), IN, []],
  ["one that is none", forward("drop", "ct status dnat accept"), OUT, ["drops: inet t f: policy"]],
  [
    "state established, of an answer",
    forward("drop", "ct state established,related accept"),
    { ...IN, answer: true, published: undefined },
    [],
  ],
  [
    "a port it comes from",
    forward("accept", "tcp sport 443 drop"),
    { ...IN, answer: true, published: undefined, port: 443 },
    ["drops: inet t f: meta l4proto 6 th sport 443 drop"],
  ],
  [
    "a rate that may let it pass",
    forward("drop", "limit rate 5/second accept"),
    OUT,
    ["may drop: inet t f: policy"],
  ],
  [
    "a mark that may drop it",
    forward("accept", "meta mark 5 drop"),
    OUT,
    ["may drop: inet t f: meta mark 5 drop"],
  ],
  [
    "what is known not to match, whatever the mark",
    forward("accept", 'meta mark 5 iifname "x" drop'),
    OUT,
    [],
  ],
  [
    "a sure drop behind one that may be",
    forward("drop", "meta mark 5 drop"),
    OUT,
    ["may drop: inet t f: meta mark 5 drop", "drops: inet t f: policy"],
  ],
])("followPacket() through %s", async (_, script, packet, expected) => {
  expect(await fates(script, [packet])).toEqual([expected]);
});

test("followPacket() sees the untranslated destination before translation, and the translated after", async () => {
  const script = `table ip t {
    chain early {
      type filter hook prerouting priority raw;
      tcp dport 8080 ip daddr 192.0.2.1 drop
    }
  }`;
  const late = script
    .replace("priority raw", "priority 0")
    .replace("8080 ip daddr 192.0.2.1", "80 ip daddr 10.5.0.2");
  const text = (port: number, address: string): string =>
    `drops: ip t early: meta l4proto 6 th dport ${port} ip daddr ${address} drop`;
  expect(await fates(script, [IN, OUT])).toEqual([[text(8080, "192.0.2.1")], []]);
  expect(await fates(late, [IN])).toEqual([[text(80, "10.5.0.2")]]);
});

test("followPacket() goes on with the next base chain after an accept, and ends with a sure drop", async () => {
  const script = [
    ["a", -5, "accept"],
    ["b", 0, "drop"],
    ["c", 5, "drop"],
  ].map(([table, priority, policy]) => {
    const rule = table === "a" ? "accept" : "";
    return `table inet ${table} {
      chain f {
        type filter hook forward priority ${priority}; policy ${policy};
        ${rule}
      }
    }
    `;
  });
  expect(await fates(script.join(""), [OUT])).toEqual([["drops: inet b f: policy"]]);
});

test("our own table lets pass what it is told to", () =>
  withHostNamespace(({ host }) => {
    host.replaceFirewall(
      networkElements({
        bridge: "nd-1",
        internal: false,
        icc: true,
        mode4: "nat",
        mode6: "nat",
        leave4: "masquerade",
        leave6: "masquerade",
        trusted: [],
      }),
    );
    expect(host.follow([OUT, IN])).toEqual([[], []]);
    const [direct] = host.follow([{ ...IN, published: undefined }]);
    expect(direct?.map(hindranceText)).toEqual([
      expect.stringMatching(/^rule \d+ of chain published-only of table inet netdock drops$/),
    ]);
  }));
