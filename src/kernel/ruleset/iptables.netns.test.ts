import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseIp } from "../../base/ip.ts";
import type { ProbePacket } from "../../model/probe.ts";
import { type HostNamespace, withHostNamespace } from "../../testkit/kernel.ts";
import { needsCommand } from "../../testkit/lab.ts";

/** What iptables-nft itself writes and reads: extensions of xtables among native expressions. */
const OUT: ProbePacket = {
  way: "forward",
  iif: "nd-1",
  oif: "eth0",
  source: parseIp("10.5.0.2"),
  destination: parseIp("203.0.113.9"),
  protocol: "tcp",
  port: 443,
};
const INPUT: ProbePacket = { ...OUT, way: "input", iif: "eth0", oif: undefined, port: 22 };

/** Rules as ufw makes them, policies included (ufw-before-forward, ufw-reject-forward …). */
const UFW = [
  "-P INPUT DROP",
  "-P FORWARD DROP",
  "-N ufw-before-forward",
  "-N ufw-before-input",
  "-N ufw-user-input",
  "-A FORWARD -j ufw-before-forward",
  "-A INPUT -j ufw-before-input",
  "-A INPUT -j ufw-user-input",
  "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-A ufw-before-forward -p icmp --icmp-type echo-request -j ACCEPT",
  "-A ufw-before-input -i lo -j ACCEPT",
  "-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-A ufw-before-input -m conntrack --ctstate INVALID -j DROP",
  "-A ufw-user-input -p tcp -m tcp --dport 22 -m comment --comment ssh -j ACCEPT",
  "-A ufw-user-input -p tcp -m tcp --dport 23 -j REJECT",
];

function iptables(home: HostNamespace, ...lines: readonly string[]): string {
  return home.visit(() =>
    lines.map((line) => execFileSync("iptables-nft", line.split(" "), { encoding: "utf8" })).join(""),
  );
}

const told = (home: HostNamespace, packet: ProbePacket): string[] =>
  (home.host.follow([packet])[0] ?? []).map(({ certain, chain, rule }) => {
    return `${certain ? "drops" : "may drop"}: ${chain}: ${rule === undefined ? "policy" : rule.text}`;
  });

test("what ufw's rules drop is told for sure, and what they let pass not at all", (context) => {
  needsCommand(context, "iptables-nft", "iptables");
  return withHostNamespace((home) => {
    iptables(home, ...UFW);
    expect(told(home, OUT)).toEqual(["drops: FORWARD: policy"]);
    expect(told(home, { ...OUT, answer: true })).toEqual([]);
    expect(told(home, INPUT)).toEqual([]);
    expect(told(home, { ...INPUT, port: 23 })).toEqual([
      expect.stringMatching(/^drops: ufw-user-input: .*REJECT$/),
    ]);
    expect(told(home, { ...INPUT, port: 24 })).toEqual(["drops: INPUT: policy"]);
  });
});

test("`--ctstate DNAT` is known of packets to a published port", (context) => {
  needsCommand(context, "iptables-nft", "iptables");
  return withHostNamespace((home) => {
    iptables(home, "-A FORWARD -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP");
    expect(told(home, OUT)).toEqual(["drops: FORWARD: ct state != established,related,dnat drop"]);
    expect(told(home, { ...OUT, answer: true })).toEqual([]);
    const ip = parseIp("192.0.2.1");
    expect(told(home, { ...OUT, iif: "eth0", oif: "nd-1", published: { ip, port: 8080 } })).toEqual([]);
  });
});

test("an extension that nobody here knows is told as unknown", (context) => {
  needsCommand(context, "iptables-nft", "iptables");
  return withHostNamespace((home) => {
    iptables(home, "-A FORWARD -m statistic --mode random --probability 0.5 -j DROP");
    expect(told(home, OUT)).toEqual(["may drop: FORWARD: unknown (match statistic) drop"]);
  });
});

test("iptables shows our rules in DOCKER-USER, and can still change its table", (context) => {
  needsCommand(context, "iptables-nft", "iptables");
  return withHostNamespace((home) => {
    iptables(home, "-N DOCKER-USER", "-A DOCKER-USER -j RETURN");
    const wish = { bridges: ["nd-1", "red0"], uplinks: ["eth0"] };
    expect(home.host.sanction(wish, { dryRun: true })).toHaveLength(1);
    expect(home.host.sanction(wish, { dryRun: false })).toHaveLength(1);
    expect(home.host.sanction(wish, { dryRun: false })).toEqual([]);
    expect(iptables(home, "-S DOCKER-USER", "-S NETDOCK").split("\n").filter(Boolean)).toEqual([
      "-N DOCKER-USER",
      "-A DOCKER-USER -i nd-+ -m comment --comment netdock -j NETDOCK",
      "-A DOCKER-USER -i red0 -m comment --comment netdock -j NETDOCK",
      "-A DOCKER-USER -o nd-+ -m comment --comment netdock -j NETDOCK",
      "-A DOCKER-USER -o red0 -m comment --comment netdock -j NETDOCK",
      "-A DOCKER-USER -j RETURN",
      "-N NETDOCK",
      "-A NETDOCK -o nd-+ -m comment --comment netdock -j ACCEPT",
      "-A NETDOCK -o red0 -m comment --comment netdock -j ACCEPT",
      "-A NETDOCK -o eth0 -m comment --comment netdock -j ACCEPT",
    ]);
    iptables(home, "-I DOCKER-USER -s 192.0.2.66 -j DROP");
    expect(home.host.sanction(wish, { dryRun: true })).toEqual([]);
    home.host.sanction({ bridges: [], uplinks: [] }, { dryRun: false });
    expect(iptables(home, "-S")).not.toContain("NETDOCK");
  });
});
