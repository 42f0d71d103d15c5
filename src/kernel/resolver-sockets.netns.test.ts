import { expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import { withHostNamespace } from "../testkit/kernel.ts";
import { AF, bindSocket, close, receiveFrom, send, connectSocket, SOCK, socket, socketName } from "./libc.ts";
import { portOf, sockaddr } from "./sockaddr.ts";

const RESOLVER = "127.0.0.11" as Ip;

test("both sockets have the same port inside the sandbox, and the one wanted when it is free", () =>
  withHostNamespace(({ host }) => {
    host.createNetns("aa");
    const first = host.openResolver("aa", undefined);
    expect([first.udpFd, first.tcpFd].map((fd) => portOf(socketName(fd)))).toEqual([first.port, first.port]);
    // Taken: another.
    const second = host.openResolver("aa", first.port);
    expect(second.port).not.toBe(first.port);
    for (const fd of [first.udpFd, first.tcpFd]) close(fd);
    const third = host.openResolver("aa", first.port);
    expect(third.port).toBe(first.port);
    for (const { udpFd, tcpFd } of [second, third]) {
      close(udpFd);
      close(tcpFd);
    }
    host.deleteNetns("aa");
  }));

test("a port of which TCP has one half is not taken", () =>
  withHostNamespace(({ host, visit }) => {
    host.createNetns("aa");
    const taken = visit(() => {
      const fd = socket(AF.INET, SOCK.STREAM, 0);
      bindSocket(fd, sockaddr(RESOLVER, 4053), "test");
      return fd;
    }, "aa");
    const opened = host.openResolver("aa", 4053);
    expect(opened.port).not.toBe(4053);
    for (const fd of [taken, opened.udpFd, opened.tcpFd]) close(fd);
    host.deleteNetns("aa");
  }));

test("what is sent to 127.0.0.11:53 arrives at the resolver, and the answer comes from port 53", () =>
  withHostNamespace(async ({ host, visit }) => {
    host.createNetns("aa");
    const { udpFd, tcpFd, port } = host.openResolver("aa", undefined);
    const redirect = (to: number) => host.apply([{ op: "resolver.redirect", netns: "aa", port: to }]);
    // Twice: the table that is there is replaced.
    await redirect(port === 4053 ? 4054 : 4053);
    await redirect(port);
    const asking = visit(() => socket(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK, 0), "aa");
    connectSocket(asking, sockaddr(RESOLVER, 53), "test");
    send(asking, Uint8Array.of(1, 2, 3));
    const question = receiveFrom(udpFd, new Uint8Array(16));
    expect(question.size).toBe(3);
    connectSocket(udpFd, question.from, "test");
    send(udpFd, Uint8Array.of(4));
    const answer = receiveFrom(asking, new Uint8Array(16));
    expect([answer.size, portOf(answer.from)]).toEqual([1, 53]);

    await redirect(0);
    expect(() => {
      send(asking, Uint8Array.of(1));
      receiveFrom(asking, new Uint8Array(16));
    }).toThrow("ECONNREFUSED");
    for (const fd of [asking, udpFd, tcpFd]) close(fd);
    host.deleteNetns("aa");
  }));
