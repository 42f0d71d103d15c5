import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cidr } from "../../src/base/cidr.ts";
import type { Ip } from "../../src/base/ip.ts";
import type { Engine } from "../../src/engine/contract.ts";
import { openLinuxHost } from "../../src/kernel/host.ts";
import { HOST_NETNS, type Op } from "../../src/model/ops.ts";
import type { Connections, PeerCall } from "../tcp-peer.ts";
import { summarize } from "./statistics.ts";

/** Ports published beside the first in the last two cases. */
const OTHERS = 999;
const FIRST_PORT = 20_000;
const LAST_PORT = FIRST_PORT + OTHERS;
const SERVER_PORT = 80;
const HOST_IP = "192.0.2.1" as Ip;
const PLAIN_IP = "198.51.100.2" as Ip;
const [CONNECTIONS, MIB] = [1000, 64];

export interface LoadRow {
  readonly name: string;
  /** Microseconds. */
  readonly latency: number;
  readonly connectionsPerSecond: number;
  readonly gigabitsPerSecond: number;
}

/**
 * Connections and throughput from an outside machine to a server: over a veth without anything in between; through one
 * published port of a host; and through the first and the last of a thousand.
 */
export async function measureLoad(engine: Engine, runDir: string, rounds: number): Promise<LoadRow[]> {
  // Another hand on the same host: it makes the outside machine and the wire to it.
  const host = openLinuxHost({ runDir: `${runDir}-wires` });
  host.createNetns("outside");
  await host.apply(wire(HOST_NETNS, `${HOST_IP}/24` as Cidr, "outside", "192.0.2.2/24" as Cidr));
  const outsideFd = openSync(host.netnsPath("outside"), "r");
  const outside = openLinuxHost({ runDir: `${runDir}-plain`, homeNetnsFd: outsideFd });
  outside.createNetns("plain");
  await outside.apply(wire(HOST_NETNS, "198.51.100.1/24" as Cidr, "plain", `${PLAIN_IP}/24` as Cidr));

  const sandbox = await engine.createSandbox({
    name: "served",
    networks: [{ network: "bench" }],
    publish: [`${FIRST_PORT}:${SERVER_PORT}`],
  });
  const others = Array.from({ length: OTHERS }, (_, i) => `${FIRST_PORT + 1 + i}:${SERVER_PORT}`);
  const children: ChildProcess[] = [];
  const start = (role: string, netns: string): ChildProcess => {
    const child = fork(fileURLToPath(new URL("../tcp-peer.ts", import.meta.url)), [
      role,
      netns,
      String(SERVER_PORT),
    ]);
    children.push(child);
    return child;
  };
  try {
    for (const netns of [sandbox.netnsPath, outside.netnsPath("plain")]) {
      await once(start("serve", netns), "message");
    }
    const client = start("ask", host.netnsPath("outside"));
    const ask = async <T>(call: PeerCall): Promise<T> => {
      client.send(call);
      const [result] = (await once(client, "message")) as [T];
      return result;
    };
    const cases = [
      { name: "plain veth", ip: PLAIN_IP, port: SERVER_PORT, many: undefined },
      { name: "one published port", ip: HOST_IP, port: FIRST_PORT, many: false },
      { name: "first of 1,000", ip: HOST_IP, port: FIRST_PORT, many: true },
      { name: "last of 1,000", ip: HOST_IP, port: LAST_PORT, many: true },
    ];
    const taken = cases.map(() => ({ latency: [] as number[], rate: [] as number[], speed: [] as number[] }));
    const order = [...cases.keys()];
    let many = false;
    for (let round = -1; round < rounds; round++) {
      order.push(order.shift() as number);
      for (const index of order) {
        const one = cases[index] as (typeof cases)[number];
        if (one.many !== undefined && one.many !== many)
          await (one.many ? engine.publish("served", others) : engine.unpublish("served", others));
        many = one.many ?? many;
        const { ip, port } = one;
        const { median, perSecond } = await ask<Connections>({
          do: "connections",
          ip,
          port,
          count: CONNECTIONS,
        });
        const speed = await ask<number>({ do: "throughput", ip, port, count: MIB });
        // The first round is of code that is not compiled yet.
        if (round < 0) continue;
        taken[index]?.latency.push(median);
        taken[index]?.rate.push(perSecond);
        taken[index]?.speed.push(speed);
      }
    }
    return cases.map(({ name }, i) => ({
      name,
      latency: summarize(taken[i]?.latency ?? []).median,
      connectionsPerSecond: summarize(taken[i]?.rate ?? []).median,
      gigabitsPerSecond: summarize(taken[i]?.speed ?? []).median,
    }));
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await engine.removeSandbox("served", { force: true });
    outside.deleteNetns("plain");
    host.deleteNetns("outside");
    outside.close();
    host.close();
    closeSync(outsideFd);
  }
}

/** A pair of links, with an address each. */
function wire(here: string, hereAddress: Cidr, there: string, thereAddress: Cidr): Op[] {
  const [link, peer] = ["wire0", "wire1"];
  return [
    {
      op: "link.create",
      netns: here,
      link: { name: link, up: true, kind: { type: "veth", peer: { netns: there, name: peer } } },
    },
    { op: "address.add", netns: here, address: { link, address: hereAddress } },
    { op: "address.add", netns: there, address: { link: peer, address: thereAddress } },
    { op: "link.set", netns: there, name: peer, set: { up: true } },
  ];
}
