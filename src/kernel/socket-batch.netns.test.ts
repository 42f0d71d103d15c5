import { expect, test } from "vitest";
import type { Cidr } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import { HOST_NETNS } from "../model/ops.ts";
import { needs, withHostNamespace } from "../testkit/kernel.ts";
import { connects } from "../testkit/packets.ts";
import { AF, attachFilter, bindSocket, close, listen, SO, SOCK, socket, socketName, SOL } from "./libc.ts";
import { epollCreate, epollEvents, epollWait } from "./libc-poll.ts";
import { Ring } from "./ring.ts";
import { sockaddr } from "./sockaddr.ts";
import { ONE_BY_ONE, RingBatch, type SocketBatch } from "./socket-batch.ts";
import { classicFilter, SocketFilters } from "./socket-filter.ts";

const TCP = { domain: AF.INET, type: SOCK.STREAM | SOCK.NONBLOCK, protocol: 0 };

test.for(["one by one", "by a ring"])(
  "many sockets are opened, bound, listened on, watched and closed %s",
  (how, context) =>
    withHostNamespace(({ visit }) => {
      using ring = how === "by a ring" ? Ring.open() : undefined;
      if (how === "by a ring" && ring === undefined) {
        context.skip(
          "this kernel lacks bind(2) by io_uring (Linux 6.11), or sysctl kernel.io_uring_disabled forbids it",
        );
      }
      const batch: SocketBatch = ring === undefined ? ONE_BY_ONE : new RingBatch(ring);
      visit(() => {
        const failures: [number, string | undefined][] = [];
        const failed = (index: number, error: { errno?: string | undefined }): void => {
          failures.push([index, error.errno]);
        };
        const ports = Array.from({ length: 300 }, (_, i) => (i === 200 ? 20_007 : 20_000 + i));
        const addresses = ports.map((port) => sockaddr("127.0.0.1" as Ip, port));
        const fds = batch.open(TCP, ports.length);
        batch.setOption(fds, SOL.SOCKET, SO.REUSEADDR, 0);
        batch.bind(fds, Uint8Array.from(addresses.flatMap((one) => [...one])), failed);
        expect(failures).toEqual([[200, "EADDRINUSE"]]);
        expect(socketName(fds[299] as number)).toEqual(addresses[299]);
        batch.listen(fds, 5, failed);
        expect(failures).toHaveLength(1);
        const epoll = epollCreate();
        batch.watch(epoll, fds, 1);
        expect(epollWait(epoll, epollEvents(8), 0)).toBe(0);
        batch.unwatch(epoll, fds);
        close(epoll);
        batch.close(fds);
      });
    }),
);

test.for(["shared", "classic"])("a %s filter lets through what is sent to ::1, or nothing", (kind, context) =>
  withHostNamespace(async ({ host, visit }) => {
    needs(context, "ipv6");
    const filters = new SocketFilters();
    const server = visit(() => {
      const fd = socket(AF.INET6, SOCK.STREAM | SOCK.NONBLOCK, 0);
      bindSocket(fd, sockaddr("::" as Ip, 8080), "server");
      listen(fd, 32);
      return fd;
    });
    const filter = (passing: "to ::1" | "nothing"): void => {
      if (kind === "shared") filters.attach([server], passing, ONE_BY_ONE);
      else attachFilter(server, classicFilter(passing));
    };
    // The socket takes IPv4, too.
    const reached = (ip: string): boolean => connects(visit, { ip: ip as Ip, port: 8080 }, 500);
    await host.apply([
      { op: "address.add", netns: HOST_NETNS, address: { link: "lo", address: "fd00::1/128" as Cidr } },
    ]);
    // An IPv6 address is of use once a kernel's worker has been there (addrconf_dad_work), on a loopback too.
    while (!reached("fd00::1"));
    expect(["::1", "fd00::1", "127.0.0.1"].map(reached)).toEqual([true, true, true]);
    filter("to ::1");
    expect(["::1", "fd00::1", "127.0.0.1"].map(reached)).toEqual([true, false, false]);
    filter("nothing");
    expect(["::1", "fd00::1", "127.0.0.1"].map(reached)).toEqual([false, false, false]);
    filters.attach([server], "all", ONE_BY_ONE);
    expect(["::1", "fd00::1", "127.0.0.1"].map(reached)).toEqual([true, true, true]);
    filters.close();
    close(server);
  }),
);
