import { expect, test } from "vitest";
import type { NetnsKey } from "../model/ops.ts";
import { type HostNamespace, withHostNamespace } from "../testkit/kernel.ts";
import { address, attach, bridge, deletion, route } from "../testkit/steps.ts";
import { deleteAddress } from "../wire/netlink/address.ts";
import { deleteLink, setLink, upFlag } from "../wire/netlink/link.ts";
import type { Request } from "../wire/netlink/message.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { deleteRoute } from "../wire/netlink/route.ts";
import { deleteTable, NFPROTO, transaction } from "../wire/nftables/index.ts";
import { addressRequest, deleteRouteRequest } from "./address-requests.ts";
import { linkIndex } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

/** A watch, and a way to wait for what it tells. */
class Watched {
  readonly stop: () => void;
  readonly #told = new Set<NetnsKey>();
  #wake: () => void = () => undefined;

  constructor(home: HostNamespace) {
    this.stop = home.host.watchSandboxes((key) => {
      this.#told.add(key);
      this.#wake();
    });
  }

  /** Sandboxes told until this one is, which ends with the time limit of the test where it never is. */
  async until(key: NetnsKey): Promise<NetnsKey[]> {
    while (!this.#told.has(key)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    const told = [...this.#told];
    this.#told.clear();
    return told;
  }
}

const sandbox = (key: string, host: number): ReturnType<typeof attach> =>
  attach({
    name: `v${host}`,
    sandbox: key,
    master: "br0",
    addresses: [`10.5.0.${host}/24`, `fd05::${host}/64`],
    gateways: ["10.5.0.1", "fd05::1"],
  });

/** Runs a test on a host with sandboxes `aa` and `bb`. */
async function withSandboxes(run: (home: HostNamespace) => Promise<void>): Promise<void> {
  await withHostNamespace(async (home) => {
    await populate(home);
    await run(home);
    for (const key of home.host.listNetns()) home.host.deleteNetns(key);
  });
}

async function populate({ host }: HostNamespace): Promise<void> {
  await host.apply([
    bridge("br0"),
    address("host", "br0", "10.5.0.1/24"),
    address("host", "br0", "fd05::1/64"),
    route("host", "br0", "10.7.0.0/16"),
  ]);
  for (const [key, number] of [
    ["aa", 2],
    ["bb", 3],
  ] as const) {
    host.createNetns(key);
    await host.apply([...sandbox(key, number), { op: "resolver.redirect", netns: key, port: 5353 }]);
  }
}

/** Somebody in the sandbox changes something; the requests are made knowing the index of its eth0. */
function change(home: HostNamespace, key: string, requests: (index: number) => Request[]): void {
  home.visit(() => {
    const socket = new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x1_0000));
    const replies = socket.transact(requests(linkIndex(socket.fd, "eth0") as number));
    for (const reply of replies) expect(reply.ack?.errno ?? 0).toBe(0);
    socket.close();
  }, key);
}

function dropTable(home: HostNamespace, key: string): void {
  home.visit(() => {
    const socket = new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x1_0000));
    const request = deleteTable({ family: NFPROTO.IPV4, name: "netdock-dns" });
    const acks = socket.sendRaw(transaction([request], { firstSeq: 1 }).bytes);
    expect(acks.every((ack) => ack.errno === 0)).toBe(true);
    socket.close();
  }, key);
}

const [ADDRESS] = [address("bb", "eth0", "10.5.0.3/24")] as [
  Extract<ReturnType<typeof address>, { op: "address.add" }>,
];
const [ROUTE] = [route("bb", "eth0", "0.0.0.0/0", "10.5.0.1")] as [
  Extract<ReturnType<typeof route>, { op: "route.replace" }>,
];

test.each<[string, (home: HostNamespace) => void]>([
  ["a link deleted", (home) => change(home, "bb", (index) => [deleteLink({ index })])],
  ["a link taken down", (home) => change(home, "bb", (index) => [setLink({ index, ...upFlag(false) })])],
  [
    "an address deleted",
    (home) => change(home, "bb", (index) => [deleteAddress(addressRequest(ADDRESS.address, index))]),
  ],
  [
    "a route deleted",
    (home) => change(home, "bb", (index) => [deleteRoute(deleteRouteRequest(ROUTE.route, index))]),
  ],
  ["a table deleted", (home) => dropTable(home, "bb")],
])("%s in a sandbox is told, and of that sandbox alone", (_, damage) =>
  withSandboxes(async (home) => {
    const watched = new Watched(home);
    damage(home);
    expect(await watched.until("bb")).toEqual(["bb"]);
    watched.stop();
  }),
);

test("what is only added wakes nobody", () =>
  withSandboxes(async (home) => {
    const watched = new Watched(home);
    home.host.createNetns("cc");
    await home.host.apply(sandbox("cc", 4));
    await home.host.apply([address("aa", "eth0", "10.5.0.9/24")]);
    change(home, "aa", (index) => [setLink({ index, mtu: 1400 })]);
    // Told after everything that came before it.
    change(home, "bb", (index) => [deleteLink({ index })]);
    expect(await watched.until("bb")).toEqual(["bb"]);
  }));

test("an id that passes to another namespace names the other sandbox", () =>
  withSandboxes(async (home) => {
    const watched = new Watched(home);
    change(home, "bb", (index) => [setLink({ index, ...upFlag(false) })]);
    await watched.until("bb");
    await home.host.apply([deletion("v3")]);
    await watched.until("bb");
    home.host.deleteNetns("bb");
    home.host.createNetns("dd");
    await home.host.apply(sandbox("dd", 5));
    change(home, "dd", (index) => [deleteLink({ index })]);
    expect(await watched.until("dd")).toEqual(["dd"]);
  }));

test("redirects() sees a redirect that is whole, and misses one that is not", () =>
  withSandboxes(async (home) => {
    expect(home.host.redirects("aa", 5353)).toBe(true);
    expect(home.host.redirects("aa", 5354)).toBe(false);
    dropTable(home, "aa");
    expect(home.host.redirects("aa", 5353)).toBe(false);
    await home.host.apply([{ op: "resolver.redirect", netns: "aa", port: 5354 }]);
    expect(home.host.redirects("aa", 5354)).toBe(true);
  }));

test("observe() tells of addresses whose prefix is not routed any more", () =>
  withSandboxes(async (home) => {
    const unrouted = (): unknown => home.host.observe("bb").links.find((l) => l.name === "eth0")?.unrouted;
    expect(unrouted()).toBeUndefined();
    for (const [prefix, told] of [
      ["10.5.0.0/24", ["10.5.0.3/24"]],
      ["fd05::/64", ["10.5.0.3/24", "fd05::3/64"]],
    ] as const) {
      const { route: spec } = route("bb", "eth0", prefix) as typeof ROUTE;
      change(home, "bb", (index) => [deleteRoute(deleteRouteRequest(spec, index))]);
      expect(unrouted()).toEqual(told);
    }
    await home.host.apply([route("bb", "eth0", "10.5.0.0/24"), route("bb", "eth0", "fd05::/64")]);
    expect(unrouted()).toBeUndefined();
  }));
