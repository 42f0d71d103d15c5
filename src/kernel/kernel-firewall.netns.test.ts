import { expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { Op } from "../model/ops.ts";
import { elementKey, networkElements, publishElements } from "../plan/firewall/index.ts";
import { needs, withHostNamespace } from "../testkit/kernel.ts";
import { bridge, deletion } from "../testkit/steps.ts";

const network = (name: string): FirewallElement[] =>
  networkElements({
    bridge: name,
    internal: false,
    icc: true,
    trusted: [],
    mode4: "nat",
    mode6: "nat",
    leave4: "masquerade",
    leave6: undefined,
  });

const published = (port: number, target: string): FirewallElement[] =>
  publishElements(
    { protocol: "tcp", hostIp: "0.0.0.0" as Ip, hostPort: port, containerPort: 80, count: 1 },
    target as Ip,
  );

const change = (add: FirewallElement[], remove: FirewallElement[]): Op => ({
  op: "firewall.change",
  change: { add, remove },
});

const keys = (elements: readonly FirewallElement[] | undefined): string[] | undefined =>
  elements?.map(elementKey).toSorted();

test("the table is absent, written, changed, read back and removed", (context) =>
  withHostNamespace(async ({ host }) => {
    needs(context, "nftables");
    expect(host.observeFirewall()).toBeUndefined();
    const first = network("br0");
    host.replaceFirewall(first);
    expect(keys(host.observeFirewall())).toEqual(keys(first));
    const more = [...network("br1"), ...published(8080, "10.5.0.2")];
    await host.apply([change(more, [])]);
    expect(keys(host.observeFirewall())).toEqual(keys([...first, ...more]));
    // Again, and removing what is not there: nothing changes.
    await host.apply([change(more, published(9090, "10.5.0.9"))]);
    expect(keys(host.observeFirewall())).toEqual(keys([...first, ...more]));
    await host.apply([change([], more)]);
    expect(keys(host.observeFirewall())).toEqual(keys(first));
    host.replaceFirewall(more);
    expect(keys(host.observeFirewall())).toEqual(keys(more));
    host.removeFirewall();
    host.removeFirewall();
    expect(host.observeFirewall()).toBeUndefined();
  }));

test("changes of one plan are one transaction, in which the last word on an element counts", () =>
  withHostNamespace(async ({ host }) => {
    host.replaceFirewall([]);
    const a = published(8080, "10.5.0.2");
    const b = published(8080, "10.5.0.3");
    await host.apply([change(a, []), change(b, a), change(network("br0"), [])]);
    expect(host.observeFirewall()?.filter(({ map }) => map.startsWith("publish"))).toEqual(b);
    await host.apply([change([], b), change(a, []), change([], a)]);
    expect(keys(host.observeFirewall())).toEqual(keys(network("br0")));
  }));

test("a change that the kernel refuses changes nothing, and takes back the plan before it", () =>
  withHostNamespace(async ({ host }) => {
    host.replaceFirewall(published(8080, "10.5.0.2"));
    const before = host.observeFirewall();
    // The port is there with another target.
    const refused = host.apply([
      bridge("br0"),
      change([...network("br0"), ...published(8080, "10.5.0.3")], []),
      deletion("br0"),
    ]);
    await expect(refused).rejects.toMatchObject({ code: "conflict", op: "firewall.change", errno: "EEXIST" });
    expect(host.observeFirewall()).toEqual(before);
    expect(host.observe("host").links).toHaveLength(1);
  }));

test("a plan that fails after its firewall change takes that back too", () =>
  withHostNamespace(async ({ host }) => {
    const kept = published(8080, "10.5.0.2");
    host.replaceFirewall(kept);
    const failing = host.apply([
      change(network("br0"), kept),
      { op: "link.set", netns: "host", name: "x", set: {} },
    ]);
    await expect(failing).rejects.toMatchObject({ code: "not_found" });
    expect(host.observeFirewall()).toEqual(kept);
  }));

test("20,000 published ports go in one transaction", () =>
  withHostNamespace(({ host }) => {
    const many = Array.from({ length: 20_000 }, (_, i) =>
      published(10_000 + i, `10.5.${i >> 8}.${i & 255}`),
    ).flat();
    host.replaceFirewall(many);
    expect(host.observeFirewall()).toHaveLength(many.length);
    host.replaceFirewall([]);
    expect(host.observeFirewall()).toEqual([]);
  }));
