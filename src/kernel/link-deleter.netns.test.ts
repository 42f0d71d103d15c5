import { expect, test, vi } from "vitest";
import { withHostNamespace } from "../testkit/kernel.ts";
import { bridge, deletion, veth } from "../testkit/steps.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { LinkDeleter } from "./link-deleter.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

const open = (): NetlinkSocket => new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x1_0000));

test("links deleted at the same time go in one request, and the event loop runs on meanwhile", () =>
  withHostNamespace(async ({ host, visit }) => {
    host.createNetns("aa");
    const names = Array.from({ length: 40 }, (_, i) => `v${i}`);
    await host.apply([bridge("br0"), ...names.map((name, i) => veth(name, "aa", "br0", `eth${i}`))]);
    expect(host.observe("host").links).toHaveLength(names.length + 2);

    const [slow, route] = visit(() => [open(), open()]);
    const asked = vi.spyOn(slow, "transactAsync");
    const deleter = new LinkDeleter({ open: () => slow, route: () => route, keep: false });
    const order: string[] = [];
    setImmediate(() => order.push("another turn"));
    await Promise.all(names.map((name) => deleter.delete(name)));
    order.push("deleted");
    expect(order).toEqual(["another turn", "deleted"]);
    // The kernel waits 15 ms in each of these, so 40 of them would be 600 ms.
    expect(asked).toHaveBeenCalledTimes(1);
    expect(host.observe("host").links.map((link) => link.name)).toEqual(["lo", "br0"]);
    expect(host.observe("aa").links).toHaveLength(1);
    route.close();
    await host.apply([deletion("br0")]);
    host.deleteNetns("aa");
  }));

test("in a group that holds a link which cannot be deleted, the others are, and the error names it", () =>
  withHostNamespace(async ({ host }) => {
    await host.apply([bridge("br0"), bridge("br1")]);
    const results = await Promise.allSettled(
      ["br0", "lo", "nope", "br1"].map((name) => host.apply([deletion(name)])),
    );
    expect(results.map((result) => result.status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(results[1]).toMatchObject({ reason: { op: "link.delete", subject: "lo", errno: "EOPNOTSUPP" } });
    expect(host.observe("host").links.map((link) => link.name)).toEqual(["lo"]);
  }));

test("links are deleted inside a sandbox too", () =>
  withHostNamespace(async ({ host }) => {
    host.createNetns("aa");
    await host.apply([bridge("br0"), veth("v0", "aa", "br0")]);
    await host.apply([deletion("eth0", "aa")]);
    expect(host.observe("host").links.map((link) => link.name)).toEqual(["lo", "br0"]);
    await host.apply([deletion("br0")]);
    host.deleteNetns("aa");
  }));
