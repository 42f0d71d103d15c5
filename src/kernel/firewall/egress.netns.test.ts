import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Subnet } from "../../base/cidr.ts";
import type { Ip } from "../../base/ip.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import type { EgressPolicy, EgressRule } from "../../model/network.ts";
import {
  ownPolicyElements,
  peerElements,
  policyElements,
  publishElements,
} from "../../plan/firewall/index.ts";
import { BridgeLab, HOST, HOST6, natElements, PATIENCE_MS } from "../../testkit/bridge-lab.ts";
import { NETLINK } from "../../wire/netlink/numbers.ts";
import { NetlinkSocket } from "../netlink-socket.ts";
import { checkBatch, compileTable } from "./index.ts";

const BRIDGES = [
  { bridge: "nd-a", net: 1, members: ["a1", "a2"] },
  { bridge: "nd-b", net: 2, members: ["b1"] },
];
/** `out` and `far` are outside, `b1` is on a network that is a peer. */
const OUT = ["198.51.100.2/32", "2001:db8::2/128"] as Subnet[];
const FAR = ["203.0.113.0/24", "2001:db8:1::/64"] as Subnet[];

const rules = (
  action: EgressRule["action"],
  to: readonly Subnet[],
  ports: EgressRule["ports"] = [],
): EgressRule[] => to.map((one) => ({ action, to: one, ports }));
const TCP_80 = [{ protocol: "tcp", first: 80, last: 80 }] as const;
const DENY: EgressPolicy = { default: "deny", rules: [] };
const OPEN: EgressPolicy = { default: "allow", rules: [] };

/** Policies, and what members of nd-a then reach: `a1>out tcp 80`; everything that is not listed is dropped. */
interface Case {
  readonly network?: EgressPolicy;
  readonly a1?: EgressPolicy;
  readonly reached: readonly string[];
}

const everywhere = (from: string): string[] =>
  ["out", "far", "b1"].flatMap((to) => ["tcp 80", "tcp 81", "udp 80"].map((what) => `${from}>${to} ${what}`));

const CASES: Readonly<Record<string, Case>> = {
  "no policy": { reached: [...everywhere("a1"), ...everywhere("a2")] },
  "nothing but one port of one address": {
    network: { default: "deny", rules: rules("allow", OUT, TCP_80) },
    reached: ["a1>out tcp 80", "a2>out tcp 80"],
  },
  "everything but a prefix, one port of it excepted": {
    network: { default: "allow", rules: [...rules("allow", FAR, TCP_80), ...rules("deny", FAR)] },
    reached: [...everywhere("a1"), ...everywhere("a2")].filter((path) => !/>far (tcp 81|udp)/.test(path)),
  },
  "a member's own in place of the network's": {
    network: DENY,
    a1: { default: "allow", rules: rules("deny", OUT) },
    reached: everywhere("a1").filter((path) => !path.includes(">out")),
  },
  "a member's own on an open network": {
    network: OPEN,
    a1: { default: "deny", rules: rules("allow", FAR, TCP_80) },
    reached: ["a1>far tcp 80", ...everywhere("a2")],
  },
};

describe("egress policies", () => {
  let lab: BridgeLab;
  let socket: NetlinkSocket;

  beforeAll(() => {
    lab = new BridgeLab(BRIDGES, { brNetfilter: true });
    socket = lab.host.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x2_0000)));
  });

  afterAll(() => {
    socket.close();
    lab[Symbol.dispose]();
  });

  const load = ({ network, a1 }: Case): void => {
    const elements: FirewallElement[] = [
      ...natElements(BRIDGES),
      ...peerElements({ from: "nd-a", to: "nd-b", ports: [] }),
      ...(network === undefined ? [] : policyElements("nd-a", network)),
      ...(a1 === undefined ? [] : lab.addresses("a1").flatMap((ip) => ownPolicyElements(ip, a1))),
      ...["0.0.0.0", "::"].flatMap((hostIp, i) =>
        publishElements(
          { protocol: "tcp", hostIp: hostIp as Ip, hostPort: 8080, containerPort: 80, count: 1 },
          lab.addresses("a1")[i] as Ip,
        ),
      ),
    ];
    const batch = compileTable(elements, { observed: undefined, firstSeq: 1 });
    lab.host.sh("nft delete table inet netdock 2>/dev/null || true");
    checkBatch(batch, socket.sendRaw(batch.bytes), "test");
  };

  test.each(Object.entries(CASES))("%s", (_, one) => {
    load(one);
    for (const family of [0, 1] as const) {
      const ask = (from: string, to: string, protocol: "tcp" | "udp", port: number): string[] => {
        const at = { ip: lab.addresses(to)[family], port };
        const path = `${from}>${to} ${protocol} ${port}`;
        const timeoutMs = one.reached.includes(path) ? PATIENCE_MS : 60;
        return lab.ask({ protocol, from, server: to, at, to: at, timeoutMs }) === "dropped" ? [] : [path];
      };
      const reached = ["a1", "a2"].flatMap((from) =>
        ["out", "far", "b1"].flatMap((to) => [
          ...ask(from, to, "tcp", 80),
          ...ask(from, to, "tcp", 81),
          ...ask(from, to, "udp", 80),
        ]),
      );
      expect(reached.toSorted()).toEqual(one.reached.toSorted());
      // Neither what stays on the bridge nor an answer to somebody outside is sent out.
      expect(ask("a1", "a2", "tcp", 80)).toEqual(["a1>a2 tcp 80"]);
      const at = { ip: lab.addresses("a1")[family], port: 80 };
      const to = { ip: family === 0 ? HOST : HOST6, port: 8080 };
      const asked = lab.ask({ protocol: "tcp", from: "out", server: "a1", at, to, timeoutMs: PATIENCE_MS });
      expect(asked).toBe(lab.addresses("out")[family]);
    }
  });
});
