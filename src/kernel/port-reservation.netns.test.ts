import { createServer, type Server } from "node:net";
import { expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import type { Protocol } from "../model/ports.ts";
import { needs, withHostNamespace } from "../testkit/kernel.ts";
import { probe } from "../testkit/packets.ts";
import { AF, bindSocket, close, listen, setSocketOption, SO, SOCK, socket, SOL } from "./libc.ts";
import { sockaddr } from "./sockaddr.ts";

const any = "0.0.0.0" as Ip;
const any6 = "::" as Ip;
const local = "127.0.0.1" as Ip;

/** What another program meets that binds the port, most with SO_REUSEADDR: an errno name, or undefined when it may. */
function bindAsOther(protocol: Protocol, ip: Ip, port: number): string | undefined {
  const fd = socket(ip.includes(":") ? AF.INET6 : AF.INET, protocol === "tcp" ? SOCK.STREAM : SOCK.DGRAM, 0);
  try {
    if (protocol === "tcp") setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    bindSocket(fd, sockaddr(ip, port), "other");
    if (protocol === "tcp") listen(fd, 1);
    return undefined;
  } catch (error) {
    return (error as { errno?: string }).errno;
  } finally {
    close(fd);
  }
}

test("a held port is kept from others until it is released", (context) =>
  withHostNamespace(({ host, visit }) => {
    needs(context, "ipv6");
    for (const protocol of ["tcp", "udp"] as const) {
      for (const ip of [any, local, any6, "::1" as Ip]) {
        const held = host.reservePorts({ ip, port: 8080, protocol, count: 1 });
        expect(held.port).toBe(8080);
        expect(
          visit(() => bindAsOther(protocol, ip, 8080)),
          `${protocol} ${ip}`,
        ).toBe("EADDRINUSE");
        held.release();
        held.release();
        expect(
          visit(() => bindAsOther(protocol, ip, 8080)),
          `${protocol} ${ip} released`,
        ).toBeUndefined();
      }
    }
  }));

test("IPv4, IPv6, TCP and UDP are held apart", () =>
  withHostNamespace(({ host }) => {
    const held = [any, any6].flatMap((ip) =>
      (["tcp", "udp", "sctp"] as const).map((protocol) =>
        host.reservePorts({ ip, port: 53, protocol, count: 1 }),
      ),
    );
    expect(held.map(({ port }) => port)).toEqual([53, 53, 53, 53, 53, 53]);
    for (const one of held) one.release();
  }));

test("port 0 takes a free port, another each time", () =>
  withHostNamespace(({ host }) => {
    const held = Array.from({ length: 20 }, () =>
      host.reservePorts({ ip: any, port: 0, protocol: "tcp", count: 1 }),
    );
    expect(new Set(held.map(({ port }) => port)).size).toBe(20);
    for (const one of held) one.release();
  }));

test.each([
  ["tcp", "EINPROGRESS"],
  ["udp", "EAGAIN"],
] as const)("a held port answers nothing: %s", (protocol, errno) =>
  withHostNamespace(({ host, visit }) => {
    const held = host.reservePorts({ ip: any, port: 8080, protocol, count: 1 });
    const outcome = probe({
      protocol,
      server: visit,
      client: visit,
      at: { ip: local, port: 9 },
      to: { ip: local, port: 8080 },
    });
    expect(outcome).toEqual({ kind: "failed", errno });
    held.release();
  }),
);

test("a range is held whole, up to its last port", () =>
  withHostNamespace(({ host, visit }) => {
    for (const protocol of ["tcp", "udp"] as const) {
      const held = host.reservePorts({ ip: any, port: 20_000, protocol, count: 300 });
      const at = (port: number): string | undefined => visit(() => bindAsOther(protocol, any, port));
      expect([19_999, 20_000, 20_150, 20_299, 20_300].map(at)).toEqual([
        undefined,
        ...Array<string>(3).fill("EADDRINUSE"),
        undefined,
      ]);
      held.release();
      expect([20_000, 20_299].map(at)).toEqual([undefined, undefined]);
    }
  }));

test("a range with one port taken is refused, naming it, and nothing of it stays held", () =>
  withHostNamespace(({ host, visit }) => {
    const taken = host.reservePorts({ ip: local, port: 20_150, protocol: "tcp", count: 1 });
    expect(() => host.reservePorts({ ip: any, port: 20_000, protocol: "tcp", count: 300 })).toThrow(
      new RegExp(`^port 20150/tcp on 0.0.0.0 is held by \\S.* \\(pid ${process.pid}\\)$`),
    );
    expect(visit(() => bindAsOther("tcp", any, 20_149))).toBeUndefined();
    expect(visit(() => bindAsOther("tcp", any, 20_299))).toBeUndefined();
    taken.release();
  }));

test("a range that would end beyond 65535 is refused", () =>
  withHostNamespace(({ host }) => {
    expect(() => host.reservePorts({ ip: any, port: 65_500, protocol: "tcp", count: 37 })).toThrow(
      "37 ports from 65500 on end beyond 65535",
    );
  }));

test("connections that linger from an earlier server are no obstacle", () =>
  withHostNamespace(({ host, visit }) => {
    // The server's side closes first and so keeps the connection for a minute (TIME_WAIT).
    const at = { ip: local, port: 8080 };
    expect(
      probe({ protocol: "tcp", server: visit, client: visit, at, serverClosesFirst: true }),
    ).toMatchObject({
      kind: "arrived",
    });
    const held = host.reservePorts({ ip: any, port: 8080, protocol: "tcp", count: 1 });
    expect(visit(() => bindAsOther("tcp", any, 8080))).toBe("EADDRINUSE");
    held.release();
  }));

async function listening(fd: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ fd }, resolve));
  return server;
}

test("a taken port is refused, naming the process that has it", () =>
  withHostNamespace(async ({ host, visit }) => {
    const fd = visit(() => {
      const opened = socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK, 0);
      bindSocket(opened, sockaddr(local, 8081), "test");
      return opened;
    });
    const server = await listening(fd);
    for (const ip of [any, local]) {
      const attempt = (): unknown => host.reservePorts({ ip, port: 8081, protocol: "tcp", count: 1 });
      expect(attempt).toThrow(
        new RegExp(`^port 8081/tcp on ${ip} is held by \\S.* \\(pid ${process.pid}\\)$`),
      );
    }
    await new Promise((resolve) => server.close(resolve));
  }));

test("a socket that takes IPv4 by way of IPv6 is found too, and UDP", () =>
  withHostNamespace(({ host, visit }) => {
    const dual = visit(() => {
      const opened = socket(AF.INET6, SOCK.STREAM, 0);
      bindSocket(opened, sockaddr(any6, 8082), "test");
      listen(opened, 1);
      return opened;
    });
    const held = host.reservePorts({ ip: local, port: 8083, protocol: "udp", count: 1 });
    expect(() => host.reservePorts({ ip: any, port: 8082, protocol: "tcp", count: 1 })).toThrow(
      `(pid ${process.pid})`,
    );
    expect(() => host.reservePorts({ ip: any, port: 8083, protocol: "udp", count: 1 })).toThrow(
      `(pid ${process.pid})`,
    );
    close(dual);
    held.release();
  }));

test("an address that is not the host's is refused by field and value", () =>
  withHostNamespace(({ host }) => {
    expect(() => host.reservePorts({ ip: "192.0.2.1" as Ip, port: 80, protocol: "tcp", count: 1 })).toThrow(
      "hostIp: 192.0.2.1 is not an address of this host",
    );
  }));
