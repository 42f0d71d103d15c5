import { afterEach, beforeEach, expect, test } from "vitest";
import { type Boot, Machine } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
  await boot.engine.createNetwork({ name: "net" });
  await boot.engine.createNetwork({ name: "other" });
});

afterEach(async () => {
  expect(await faultsOf(machine, boot)).toEqual([]);
  machine[Symbol.dispose]();
});

const join = (name: string, network: string, linkLocalIps: readonly string[]): Promise<unknown> =>
  boot.engine.createSandbox({ name, networks: [{ network, linkLocalIps }] });

test("link-local addresses are on the endpoint's link, beside the granted one, and after a restart too", async () => {
  await join("s", "net", ["169.254.8.8", "fe80::8"]);
  boot.kill();
  boot = await machine.boot();
  const [endpoint] = boot.engine.sandbox("s").endpoints;
  expect(endpoint?.linkLocalIps).toEqual(["169.254.8.8/16", "fe80::8/64"]);
  const { links } = machine.kernel.netns(boot.engine.sandbox("s").id);
  expect([...(links.get("eth0")?.addresses ?? [])]).toEqual([endpoint?.ipv4, "169.254.8.8/16", "fe80::8/64"]);
});

test("one address is one endpoint's on a network, and another network's as well", async () => {
  await join("a", "net", ["169.254.8.8"]);
  await join("b", "other", ["169.254.8.8"]);
  await expect(join("c", "net", ["169.254.8.8"])).rejects.toEqual(
    expect.objectContaining({ code: "conflict", field: "networks[0].linkLocalIps[0]", value: "169.254.8.8" }),
  );
});

test.each(["10.0.0.1", "fd00::1", "169.254.8.8/16", "x"])("%s is refused", async (ip) => {
  await expect(join("s", "net", [ip])).rejects.toEqual(
    expect.objectContaining({ code: "invalid", field: "networks[0].linkLocalIps[0]" }),
  );
});

test("host and none have no use for them", async () => {
  await expect(join("s", "none", ["169.254.8.8"])).rejects.toThrow("linkLocalIps");
});
