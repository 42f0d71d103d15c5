import { is, payload, PRIORITY, rule, type Rule, type Statement, type Table } from "./ast.ts";

/** Where programs in a sandbox find the embedded resolver; it really listens on another port of the same address. */
export const RESOLVER_ADDRESS = "127.0.0.11";
const DNS_PORT = 53;

/**
 * A sandbox's table: 127.0.0.11:53 becomes 127.0.0.11:`port` on the way out, and `port` becomes 53 on the way back. Ports
 * are overwritten in the packets, so the sandbox needs no connection tracking. A question is changed before conntrack
 * (priority raw on output) and an answer after conntrack has seen it leave, as it comes in from lo: should a program in
 * the sandbox have rules that use conntrack, both directions look like one connection to `port`.
 */
export function resolverRedirect(port: number): Table {
  const rewrite = (header: "tcp" | "udp", field: "sport" | "dport", from: number, to: number): Rule => {
    const address = payload(field === "dport" ? "ip daddr" : "ip saddr");
    const set: Statement = { kind: "setPort", header, field, port: to };
    return rule([is(address, RESOLVER_ADDRESS), is({ kind: "payload", header, field }, from), set]);
  };
  return {
    family: "ip",
    name: "netdock-dns",
    comment: "netdock: port 53 of the embedded resolver",
    maps: [],
    chains: [
      {
        name: "output",
        hook: { type: "filter", hook: "output", priority: PRIORITY.raw },
        rules: [rewrite("udp", "dport", DNS_PORT, port), rewrite("tcp", "dport", DNS_PORT, port)],
      },
      {
        name: "prerouting",
        hook: { type: "filter", hook: "prerouting", priority: PRIORITY.raw },
        rules: [rewrite("udp", "sport", port, DNS_PORT), rewrite("tcp", "sport", port, DNS_PORT)],
      },
    ],
  };
}
