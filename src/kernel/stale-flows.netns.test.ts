import { expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import { publishElements } from "../plan/firewall/index.ts";
import { needs, withHostNamespace } from "../testkit/kernel.ts";
import { decodeFlow, dumpFlows } from "../wire/conntrack/flow.ts";
import { IPPROTO } from "../wire/conntrack/numbers.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { AF, close, SOCK, socket, trySendTo } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { sockaddr } from "./sockaddr.ts";

const LOCAL = "127.0.0.1" as Ip;

test("the kernel shows only the flows asked for, and a published port's stale ones end", async (context) => {
  needs(context, "nftables");
  await withHostNamespace(async ({ host, visit }) => {
    // With it comes connection tracking.
    host.replaceFirewall([]);
    const conntrack = visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x1_0000)));
    const ports = (destinationPort?: number): number[] =>
      conntrack
        .dump(dumpFlows({ family: 4, protocol: IPPROTO.UDP, destinationPort }), decodeFlow)
        .map((flow) => flow.original.destinationPort ?? 0)
        .toSorted((a, b) => a - b);
    try {
      visit(() => {
        for (const port of [5000, 5001]) {
          const fd = socket(AF.INET, SOCK.DGRAM, 0);
          trySendTo(fd, Uint8Array.of(1), sockaddr(LOCAL, port));
          close(fd);
        }
      });
      expect(ports()).toEqual([5000, 5001]);
      expect(ports(5000)).toEqual([5000]);
      const binding = {
        protocol: "udp",
        hostIp: "0.0.0.0" as Ip,
        hostPort: 5000,
        containerPort: 80,
        count: 1,
      } as const;
      const add = publishElements(binding, "10.0.0.2" as Ip);
      await host.apply([{ op: "firewall.change", change: { add, remove: [] } }]);
      expect(ports()).toEqual([5001]);
    } finally {
      conntrack.close();
    }
  });
});
