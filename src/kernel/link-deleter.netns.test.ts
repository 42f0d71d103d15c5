import { expect, test } from "vitest";
import { withHostNamespace } from "../testkit/kernel.ts";
import { bridge, deletion, veth } from "../testkit/steps.ts";

test("links deleted at the same time go together, and the event loop runs on meanwhile", () =>
  withHostNamespace(async ({ host }) => {
    host.createNetns("aa");
    const names = Array.from({ length: 40 }, (_, i) => `v${i}`);
    await host.apply([bridge("br0"), ...names.map((name, i) => veth(name, "aa", "br0", `eth${i}`))]);
    expect(host.observe("host").links).toHaveLength(names.length + 2);

    let turns = 0;
    let done = false;
    const count = (): void => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const started = performance.now();
    await Promise.all(names.map((name) => host.apply([deletion(name)])));
    done = true;
    const took = performance.now() - started;
    expect(host.observe("host").links.map((link) => link.name)).toEqual(["lo", "br0"]);
    expect(host.observe("aa").links).toHaveLength(1);
    // One by one the kernel takes 15 ms for each, 600 ms in all.
    expect(took).toBeLessThan(400);
    expect(turns).toBeGreaterThan(10);
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
