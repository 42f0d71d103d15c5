import { describe, expect, test } from "vitest";
import { parseCidr, parseSubnet } from "../base/cidr.ts";
import { parseMac } from "../base/mac.ts";
import type { Driver } from "../model/driver.ts";
import { EMPTY_BLUEPRINT } from "../model/ops.ts";
import { anEndpoint, aNetwork, aSandbox } from "../testkit/nouns.ts";
import { bridgeDriver } from "./bridge/driver.ts";
import { hostDriver } from "./host/driver.ts";
import { noneDriver } from "./none/driver.ts";

const pool = (subnet: string, gateway: string): ReturnType<typeof aNetwork>["ipam"]["pools"][number] => ({
  subnet: parseSubnet(subnet),
  gateway: parseCidr(gateway),
  auxAddresses: {},
});

const dual = aNetwork({
  enableIPv6: true,
  ipam: {
    driver: "default",
    options: {},
    pools: [pool("10.5.0.0/24", "10.5.0.1/24"), pool("fd05::/64", "fd05::1/64")],
  },
});

describe("bridge", () => {
  const driver = bridgeDriver();

  test("makes a bridge that is recognisable, with the gateways on it", () => {
    const { links, sysctls, firewall } = driver.network(dual);
    expect(links).toHaveLength(1);
    expect(links[0]).toMatchObject({
      netns: "host",
      link: {
        name: "nd-aaaaaaaaaaaa",
        kind: { type: "bridge" },
        up: true,
        alias: "netdock:network:aaaaaaaaaaaa",
      },
      addresses: ["10.5.0.1/24", "fd05::1/64", "fe80::a8aa:aaff:feaa:aaaa/64"],
    });
    expect(sysctls.map(({ key, value }) => `${key}=${value}`)).toEqual([
      "net.ipv4.ip_forward=1",
      "net.ipv4.conf.nd-aaaaaaaaaaaa.route_localnet=1",
      "net.ipv6.conf.nd-aaaaaaaaaaaa.accept_ra=0",
      "net.ipv6.conf.nd-aaaaaaaaaaaa.disable_ipv6=0",
      "net.ipv6.conf.all.forwarding=1",
    ]);
    expect(firewall.map((e) => e.map).toSorted()).toEqual([
      "bridges",
      "masquerade4",
      "masquerade6",
      "pairs",
      "same",
      "to",
      "to",
    ]);
  });

  test("an internal network has no masquerade and no way from it", () => {
    const maps = driver.network({ ...dual, internal: true }).firewall.map((e) => e.map);
    expect(maps.toSorted()).toEqual(["bridges", "from", "pairs", "same", "to", "to"]);
  });

  test("a dot in the bridge's name is a slash in its sysctls, as sysctl(8) wants it", () => {
    const named = { ...dual, options: { "com.docker.network.bridge.name": "br.shop" } };
    expect(driver.network(named).sysctls[1]?.key).toBe("net.ipv4.conf.br/shop.route_localnet");
  });

  test("makes a veth whose inner end has name, MAC and addresses where it belongs", () => {
    const sandbox = aSandbox();
    const endpoint = anEndpoint({
      interfaceName: "eth0",
      hostInterface: "ndveeeeeeeeeeee",
      mac: parseMac("02:00:00:00:00:07"),
      ipv4: parseCidr("10.5.0.7/24"),
      ipv6: parseCidr("fd05::7/64"),
    });
    const mtu = { ...dual, options: { "com.docker.network.driver.mtu": "1400" } };
    const { links, addresses, routes, firewall } = driver.endpoint({ network: mtu, endpoint, sandbox });
    expect(links).toHaveLength(1);
    expect(links[0]?.netns).toBe("host");
    expect(links[0]?.link).toMatchObject({
      name: "ndveeeeeeeeeeee",
      kind: {
        type: "veth",
        peer: { netns: sandbox.id, name: "eth0", mac: "02:00:00:00:00:07", mtuBytes: 1400 },
      },
      up: true,
      master: "nd-aaaaaaaaaaaa",
      alias: "netdock:endpoint:eeeeeeeeeeee",
      mtuBytes: 1400,
    });
    expect(addresses.map(({ netns, address }) => [netns, address.link, address.address])).toEqual([
      [sandbox.id, "eth0", "10.5.0.7/24"],
      [sandbox.id, "eth0", "fd05::7/64"],
    ]);
    expect([routes, firewall]).toEqual([[], []]);
  });

  test("refuses a second bridge of the same name, naming who has it", () => {
    const options = { "com.docker.network.bridge.name": "br0" };
    const first = aNetwork({ name: "first", options });
    expect(() => driver.checkAgainst?.(aNetwork({ name: "second", options }), [first])).toThrow(
      expect.objectContaining({
        code: "conflict",
        field: "options.com.docker.network.bridge.name",
        value: "br0",
        message: "cannot create network second: network first has the same bridge name br0",
      }),
    );
    expect(() => driver.checkAgainst?.(aNetwork({ name: "second" }), [first])).not.toThrow();
  });

  test.each<[string, Parameters<Driver["checkEndpoint"]>[1], string]>([
    [
      "an unknown option",
      { network: "front", options: { ifname: "x" } },
      'options.ifname: "x" is not valid: ifname is not an option of the bridge driver; use com.docker.network.endpoint.ifname',
    ],
    [
      "a name that is too long",
      { network: "front", options: { "com.docker.network.endpoint.ifname": "0123456789abcdef" } },
      `options.com.docker.network.endpoint.ifname: "0123456789abcdef" is not valid: write 1 to 15 letters, digits, '.', '_' or '-'`,
    ],
    [
      "a group MAC",
      { network: "front", mac: "01:00:00:00:00:01" },
      'mac: "01:00:00:00:00:01" is not a usable MAC address',
    ],
  ])("refuses an endpoint with %s", (_, request, message) => {
    expect(() => driver.checkEndpoint(dual, request)).toThrow(message);
  });

  test("tells where ports are published and what links are called", () => {
    const network = aNetwork({
      options: {
        "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
        "com.docker.network.container_iface_prefix": "lan",
      },
    });
    expect(driver.hostBinding?.(network)).toBe("127.0.0.1");
    expect(driver.hostBinding?.(dual)).toBeUndefined();
    expect(driver.interfacePrefix(network)).toBe("lan");
  });

  test("checks options together with the families asked for", () => {
    const options = { "com.docker.network.driver.mtu": "1000" };
    expect(() => driver.checkNetwork({ name: "n", options })).not.toThrow();
    expect(() => driver.checkNetwork({ name: "n", options, enableIPv6: true })).toThrow("1280");
  });
});

describe.each([
  ["host", hostDriver()],
  ["none", noneDriver()],
] as const)("%s", (name, driver) => {
  test("makes nothing", () => {
    expect(driver.network(aNetwork())).toEqual(EMPTY_BLUEPRINT);
    const context = { network: aNetwork(), endpoint: anEndpoint(), sandbox: aSandbox() };
    expect(driver.endpoint(context)).toEqual(EMPTY_BLUEPRINT);
    expect(driver.capabilities).toMatchObject({ single: true, links: false, publish: false, ipam: "null" });
  });

  test("has no options", () => {
    const message = `options.x: "1" is not valid: x is not an option of the ${name} driver; the ${name} driver knows no options`;
    expect(() => driver.checkNetwork({ name: "n", options: { x: "1" } })).toThrow(message);
    expect(() => driver.checkEndpoint(aNetwork(), { network: name, options: { x: "1" } })).toThrow(message);
    expect(() => driver.checkNetwork({ name: "n" })).not.toThrow();
  });

  test.each([
    ["ipv4", "10.0.0.2"],
    ["ipv6", "fd00::2"],
    ["mac", "02:00:00:00:00:01"],
    ["interfaceName", "eth0"],
  ])("gives nobody an %s", (field, value) => {
    expect(() => driver.checkEndpoint(aNetwork(), { network: name, [field]: value })).toThrow(
      `${field}: "${value}" is not valid: the ${name} network has no addresses of its own; leave it out`,
    );
  });
});
