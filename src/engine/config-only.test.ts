import { describe, expect, test } from "vitest";
import { soundMachine } from "../testkit/sound-machine.ts";
import type { NetworkRequest } from "../model/network.ts";

const MTU = { "com.docker.network.driver.mtu": "1400" };
const CONFIG: NetworkRequest = {
  name: "config",
  configOnly: true,
  enableIPv6: true,
  ipam: { config: [{ subnet: "10.9.0.0/24", gateway: "10.9.0.9" }] },
  options: MTU,
  labels: { team: "shop" },
};

const home = soundMachine();

test("a network of configuration is kept and nothing is made", async () => {
  const links = home.machine.kernel.host.links.size;
  const { configOnly, ipam, options } = await home.boot.engine.createNetwork(CONFIG);
  expect({ configOnly, ipam, options }).toEqual({
    configOnly: true,
    ipam: { driver: "default", options: {}, pools: [], config: CONFIG.ipam?.config },
    options: MTU,
  });
  expect(home.machine.kernel.host.links.size).toBe(links);
});

test("a network made from it has its families, pools, options and labels", async () => {
  await home.boot.engine.createNetwork(CONFIG);
  const made = await home.boot.engine.createNetwork({ name: "net", configFrom: "config" });
  expect(made).toMatchObject({
    driver: "bridge",
    configFrom: "config",
    enableIPv4: true,
    enableIPv6: true,
    options: MTU,
    labels: { team: "shop" },
  });
  expect(made.ipam.pools[0]).toMatchObject({ subnet: "10.9.0.0/24", gateway: "10.9.0.9/24" });
  expect(made.ipam.pools).toHaveLength(2);
});

test("it stays while a network was made from it, through a restart, and is not pruned", async () => {
  await home.boot.engine.createNetwork(CONFIG);
  await home.boot.engine.createNetwork({ name: "net", configFrom: "config" });
  home.boot.kill();
  home.boot = await home.machine.boot();
  await expect(home.boot.engine.removeNetwork("config")).rejects.toThrow(
    'configuration network "config" is in use by network net',
  );
  expect(await home.boot.engine.pruneNetworks()).toEqual(["net"]);
  await home.boot.engine.removeNetwork("config");
  expect(
    home.boot.engine
      .networks()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(["bridge", "host", "none"]);
});

test("nobody joins it", async () => {
  await home.boot.engine.createNetwork(CONFIG);
  const forbidden = expect.objectContaining({ code: "forbidden", value: "config" }) as Error;
  await expect(
    home.boot.engine.createSandbox({ name: "s", networks: [{ network: "config" }] }),
  ).rejects.toEqual(forbidden);
  await home.boot.engine.createSandbox({ name: "s" });
  await expect(home.boot.engine.connect("s", { network: "config" })).rejects.toEqual(forbidden);
});

describe("refused, with nothing changed", () => {
  const own =
    "user-specified configurations are not supported if the network depends on a configuration network";
  test.each<[string, Partial<NetworkRequest>, string]>([
    ["labels", { labels: { a: "b" } }, own],
    ["enableIPv4", { enableIPv4: false }, own],
    ["enableIPv6", { enableIPv6: true }, own],
    ["ipam", { ipam: { config: [{ subnet: "10.8.0.0/24" }] } }, own],
    ["ipam", { ipam: { driver: "default" } }, own],
    ["options", { options: MTU }, "network driver options are not supported if the network depends on"],
    ["configFrom", { configFrom: "bridge" }, "it is not a configuration network"],
    ["configFrom", { configOnly: true }, "cannot depend on another configuration network"],
    [
      "internal",
      { configOnly: true, configFrom: undefined, internal: true },
      "a configuration network has only",
    ],
    [
      "ipam.config[0].subnet",
      { configOnly: true, configFrom: undefined, ipam: { config: [{ subnet: "10.8.0.1/24" }] } },
      "it should be 10.8.0.0/24",
    ],
  ])("%s: %j", async (field, request, message) => {
    await home.boot.engine.createNetwork(CONFIG);
    const before = home.boot.engine.networks();
    await expect(
      home.boot.engine.createNetwork({ name: "net", configFrom: "config", ...request }),
    ).rejects.toEqual(
      expect.objectContaining({
        code: "invalid",
        field,
        message: expect.stringContaining(message) as string,
      }),
    );
    expect(home.boot.engine.networks()).toEqual(before);
  });

  test("a configuration that does not exist, and a name that is taken", async () => {
    await home.boot.engine.createNetwork(CONFIG);
    await expect(home.boot.engine.createNetwork({ name: "net", configFrom: "other" })).rejects.toThrow(
      "other",
    );
    await expect(home.boot.engine.createNetwork(CONFIG)).rejects.toThrow(
      "network with name config already exists",
    );
  });
});

// Docker's TestDefaultIPvOptOverride: a flag wins over the option.
test.each([
  [{}, "true", true],
  [{ enableIPv6: false }, "true", false],
  [{ enableIPv6: true }, "0", true],
  [{}, "", undefined],
])("families can be options: %j and %j", async (request, value, expected) => {
  const options = { "com.docker.network.enable_ipv6": value };
  const create = home.boot.engine.createNetwork({ name: "net", ...request, options });
  if (expected === undefined) await expect(create).rejects.toThrow("com.docker.network.enable_ipv6");
  else expect(await create).toMatchObject({ enableIPv6: expected, options: {} });
});
