import { expect, test } from "vitest";
import type { HostEvent } from "../model/host.ts";
import { type HostNamespace, withHostNamespace } from "../testkit/kernel.ts";
import { address, attach, bridge, deletion, route } from "../testkit/steps.ts";
import { addAddress, deleteAddress } from "../wire/netlink/address.ts";
import { addLink, deleteLink, setLink, upFlag } from "../wire/netlink/link.ts";
import type { Request } from "../wire/netlink/message.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { addTable, deleteTable, NFPROTO, transaction } from "../wire/nftables/index.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

/** A watch, and a way to learn what it told so far. */
class Watched {
  readonly #events: HostEvent[] = [];
  readonly #home: HostNamespace;
  #count = 0;

  constructor(home: HostNamespace) {
    this.#home = home;
    home.host.watch((event) => this.#events.push(event));
  }

  /**
   * What was told since the last call. A link made now is told after all that came before it: then nothing more can be on
   * its way.
   */
  async events(): Promise<HostEvent[]> {
    const name = `mark${this.#count++}`;
    change(this.#home, addLink({ name, linkInfo: { info: { kind: "bridge" } } }));
    const isMark = (event: HostEvent): boolean => event.kind === "link" && event.name === name;
    while (!this.#events.some(isMark)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const told = this.#events.splice(0).filter((event) => !isMark(event));
    change(this.#home, deleteLink({ name }));
    this.#ignored.push(name);
    return told.filter((event) => event.kind !== "link" || !this.#ignored.includes(event.name));
  }

  readonly #ignored: string[] = [];
}

/** Somebody else changes something. */
function change(home: HostNamespace, ...requests: Request[]): void {
  for (const reply of home.foreign.transact(requests)) expect(reply.ack?.errno ?? 0).toBe(0);
}

function changeTables(home: HostNamespace, ...requests: Request[]): void {
  const socket = home.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x1_0000)));
  const acks = socket.sendRaw(transaction(requests, { firstSeq: 1 }).bytes);
  expect(acks.every((ack) => ack.errno === 0)).toBe(true);
  socket.close();
}

const PLAN = [
  bridge("br0"),
  address("host", "br0", "10.5.0.1/24"),
  address("host", "br0", "fd05::1/64"),
  route("host", "br0", "10.7.0.0/16"),
  ...attach({
    name: "v0",
    sandbox: "aa",
    master: "br0",
    addresses: ["10.5.0.2/24", "fd05::2/64"],
    gateways: ["10.5.0.1", "fd05::1"],
  }),
];

test("what the host itself does is not told", () =>
  withHostNamespace(async (home) => {
    const { host } = home;
    const watched = new Watched(home);
    host.createNetns("aa");
    await host.apply(PLAN);
    host.replaceFirewall([]);
    expect(await watched.events()).toEqual([]);
    await host.apply([{ op: "link.set", netns: "host", name: "v0", set: { up: false } }]);
    await Promise.all([host.apply([deletion("v0")]), host.apply([deletion("br0")])]);
    host.removeFirewall();
    expect(await watched.events()).toEqual([]);
    host.deleteNetns("aa");
  }));

test("what others do to links, addresses and routes is told, once, and what changes nothing is not", () =>
  withHostNamespace(async (home) => {
    const { host } = home;
    host.createNetns("aa");
    await host.apply(PLAN);
    const watched = new Watched(home);
    const link = (name: string, gone = false): HostEvent => ({ kind: "link", name, gone });
    const { index } = host.observe("host").links.find((one) => one.name === "br0")!;
    const ip = { family: 2, prefixLength: 24, index, local: "10.5.0.1", address: "10.5.0.1" } as never;

    change(home, setLink({ name: "v0", ...upFlag(false) }));
    expect(await watched.events()).toEqual([link("v0")]);
    change(home, setLink({ name: "v0", ...upFlag(false) }));
    expect(await watched.events()).toEqual([]);
    change(home, setLink({ name: "v0", ...upFlag(true) }), setLink({ name: "v0", alias: "x" }));
    expect(await watched.events()).toEqual([link("v0")]);
    change(home, setLink({ name: "v0", master: 0 }));
    expect(await watched.events()).toEqual([link("v0")]);
    change(home, deleteAddress(ip));
    expect(await watched.events()).toContainEqual({ kind: "address", link: "br0" });
    change(home, addAddress(ip));
    expect(await watched.events()).toEqual([{ kind: "address", link: "br0" }]);
    change(home, deleteLink({ name: "v0" }));
    // The kernel takes it down first, which may be told apart.
    expect((await watched.events()).filter((event) => event.kind === "link").at(-1)).toEqual(
      link("v0", true),
    );
    change(home, setLink({ name: "br0", ...upFlag(false) }), setLink({ index, name: "br1" }));
    expect((await watched.events()).at(-1)).toEqual(link("br0", true));
    await host.apply([deletion("br1")]);
    host.deleteNetns("aa");
  }));

test("changes of our firewall table by others are told, and of theirs not", () =>
  withHostNamespace(async (home) => {
    const { host } = home;
    host.replaceFirewall([]);
    const watched = new Watched(home);
    changeTables(home, addTable({ family: NFPROTO.INET, name: "theirs" }));
    changeTables(home, addTable({ family: NFPROTO.IPV4, name: "netdock" }));
    expect(await watched.events()).toEqual([]);
    changeTables(home, deleteTable({ family: NFPROTO.INET, name: "netdock" }));
    // Two sockets: that the mark has come says nothing about the other, so wait for what must come.
    let events = await watched.events();
    while (events.length === 0) events = await watched.events();
    expect(events).toEqual([{ kind: "firewall" }]);
    expect(host.observeFirewall()).toBeUndefined();
  }));

test("a watch that was ended tells nothing more, and others go on", () =>
  withHostNamespace(async (home) => {
    const first: HostEvent[] = [];
    const stop = home.host.watch((event) => first.push(event));
    const second = new Watched(home);
    stop();
    change(home, addLink({ name: "x0", linkInfo: { info: { kind: "bridge" } } }));
    expect(await second.events()).toEqual([{ kind: "link", name: "x0", gone: false }]);
    expect(first).toEqual([]);
    stop();
  }));

test("when notifications are lost, everything is told", () =>
  withHostNamespace(async (home) => {
    const watched = new Watched(home);
    const events: HostEvent[] = [];
    home.host.watch((event) => events.push(event));
    change(home, addLink({ name: "x0", linkInfo: { info: { kind: "bridge" } } }));
    await watched.events();
    // About 1 KiB each, against a buffer of 8 MiB, in one turn of the event loop: nobody reads meanwhile.
    for (let i = 0; i < 20_000; i += 100) {
      change(
        home,
        ...Array.from({ length: 100 }, (_, k) => setLink({ name: "x0", mtu: 1000 + ((i + k) % 2) })),
      );
    }
    events.splice(0);
    expect(await watched.events()).toContainEqual({ kind: "route" });
    expect(events).toContainEqual({ kind: "link", name: "lo", gone: false });
  }));
