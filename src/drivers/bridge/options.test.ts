import { describe, expect, test } from "vitest";
import { ANNOUNCE_OPTION } from "../announce.ts";
import { checkMtu, LINK_OPTION } from "../options.ts";
import { BRIDGE_OPTION, checkModes, parseBridgeOptions } from "./options.ts";

const DEFAULTS = {
  bridgeName: undefined,
  icc: true,
  masquerade: true,
  gatewayMode4: "nat",
  gatewayMode6: "nat",
  inhibit4: false,
  trusted: [],
  source4: undefined,
  source6: undefined,
  hostBinding: undefined,
  mtuBytes: undefined,
  interfacePrefix: "eth",
  announce: { times: 3, intervalMs: 1000 },
};

describe("parseBridgeOptions()", () => {
  test("takes Docker's defaults where nothing is said, or nothing with a key", () => {
    expect(parseBridgeOptions({})).toEqual(DEFAULTS);
    const empty = Object.values(BRIDGE_OPTION).map((key) => [key, ""]);
    expect(parseBridgeOptions(Object.fromEntries(empty) as Record<string, string>)).toEqual(DEFAULTS);
  });

  test.each([
    [BRIDGE_OPTION.name, "br-shop.1", { bridgeName: "br-shop.1" }],
    [BRIDGE_OPTION.icc, "false", { icc: false }],
    [BRIDGE_OPTION.icc, "T", { icc: true }],
    [BRIDGE_OPTION.masquerade, "0", { masquerade: false }],
    [BRIDGE_OPTION.hostBinding4, "127.0.0.1", { hostBinding: "127.0.0.1" }],
    [BRIDGE_OPTION.hostBinding4, "::", { hostBinding: "::" }],
    [BRIDGE_OPTION.hostBinding4, "::1", { hostBinding: "::1" }],
    [BRIDGE_OPTION.gatewayMode4, "nat", {}],
    [BRIDGE_OPTION.gatewayMode4, "routed", { gatewayMode4: "routed" }],
    [BRIDGE_OPTION.gatewayMode6, "nat-unprotected", { gatewayMode6: "nat-unprotected" }],
    [BRIDGE_OPTION.gatewayMode6, "isolated", { gatewayMode6: "isolated" }],
    [BRIDGE_OPTION.inhibit4, "true", { inhibit4: true }],
    [BRIDGE_OPTION.trusted, "eth1:wg0::eth1", { trusted: ["eth1", "wg0"] }],
    [BRIDGE_OPTION.source4, "192.0.2.9", { source4: "192.0.2.9" }],
    [BRIDGE_OPTION.source6, "2001:db8::9", { source6: "2001:db8::9" }],
    [LINK_OPTION.mtu, "1450", { mtuBytes: 1450 }],
    [LINK_OPTION.mtu, "68", { mtuBytes: 68 }],
    [LINK_OPTION.mtu, "65535", { mtuBytes: 65_535 }],
    [LINK_OPTION.prefix, "lan", { interfacePrefix: "lan" }],
    [BRIDGE_OPTION.defaultBridge, "true", {}],
    [ANNOUNCE_OPTION.times, "0", { announce: { times: 0, intervalMs: 1000 } }],
    [ANNOUNCE_OPTION.interval, "100", { announce: { times: 3, intervalMs: 100 } }],
  ])("reads %s=%s", (key, value, expected) => {
    expect(parseBridgeOptions({ [key]: value })).toEqual({ ...DEFAULTS, ...expected });
  });

  test.each([
    [
      BRIDGE_OPTION.name,
      "sixteen-letters-",
      `options.com.docker.network.bridge.name: "sixteen-letters-" is not valid: write 1 to 15 letters, digits, '.', '_' or '-'`,
    ],
    [
      BRIDGE_OPTION.name,
      "a/b",
      `options.com.docker.network.bridge.name: "a/b" is not valid: write 1 to 15 letters, digits, '.', '_' or '-'`,
    ],
    [
      BRIDGE_OPTION.icc,
      "yes",
      `options.com.docker.network.bridge.enable_icc: "yes" is not valid: write "true" or "false"`,
    ],
    [
      BRIDGE_OPTION.defaultBridge,
      "x",
      `options.com.docker.network.bridge.default_bridge: "x" is not valid: write "true" or "false"`,
    ],
    [
      BRIDGE_OPTION.hostBinding4,
      "localhost",
      `options.com.docker.network.bridge.host_binding_ipv4: "localhost" is not an IP address: write it like 10.0.0.2 or fd00::2`,
    ],
    ...["67", "65536", "1.5", "-1", "1e3", "abc"].map((value) => [
      LINK_OPTION.mtu,
      value,
      `options.com.docker.network.driver.mtu: "${value}" is not valid: write a whole number of bytes from 68 to 65535`,
    ]),
    ...["4", "-1", "x"].map((value) => [
      ANNOUNCE_OPTION.times,
      value,
      `options.com.docker.network.advertise_addr_nmsgs: "${value}" is not valid: write a whole number from 0 to 3`,
    ]),
    ...["99", "2001", "1s"].map((value) => [
      ANNOUNCE_OPTION.interval,
      value,
      `options.com.docker.network.advertise_addr_ms: "${value}" is not valid: write a whole number from 100 to 2000`,
    ]),
    ...["0eth", "twelve-chars", "a b"].map((value) => [
      LINK_OPTION.prefix,
      value,
      `options.com.docker.network.container_iface_prefix: "${value}" is not valid: write 1 to 11 letters, digits, '.', '_' or '-', a letter first`,
    ]),
    [
      BRIDGE_OPTION.gatewayMode4,
      "bridged",
      "options.com.docker.network.bridge.gateway_mode_ipv4: failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: bridged (unknown gateway mode bridged): use one of nat, nat-unprotected, routed, isolated",
    ],
    [
      BRIDGE_OPTION.trusted,
      "eth1:a/b",
      `options.com.docker.network.bridge.trusted_host_interfaces: "a/b" is not valid: write 1 to 15 letters, digits, '.', '_' or '-'`,
    ],
    [
      BRIDGE_OPTION.source4,
      "2001:db8::1",
      'options.com.docker.network.host_ipv4: "2001:db8::1" is not valid: give an IPv4 address of the host',
    ],
    [
      BRIDGE_OPTION.source6,
      "::",
      'options.com.docker.network.host_ipv6: "::" is not valid: give an IPv6 address of the host',
    ],
    [
      "com.docker.network.mtu",
      "1450",
      'options.com.docker.network.mtu: "1450" is not valid: com.docker.network.mtu is not an option of the bridge driver; use com.docker.network.driver.mtu',
    ],
    [
      "enable_icc",
      "true",
      'options.enable_icc: "true" is not valid: enable_icc is not an option of the bridge driver; use com.docker.network.bridge.enable_icc',
    ],
    [
      "parent",
      "eth0",
      `options.parent: "eth0" is not valid: parent is not an option of the bridge driver; the bridge driver knows ${[BRIDGE_OPTION, LINK_OPTION, ANNOUNCE_OPTION].flatMap((keys) => Object.values(keys)).join(", ")}`,
    ],
  ])("refuses %s=%s", (key, value, message) => {
    const parse = (): unknown => parseBridgeOptions({ [key]: value });
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: "invalid", field: `options.${key}` }));
  });
});

describe("checkModes()", () => {
  test.each([BRIDGE_OPTION.gatewayMode4, BRIDGE_OPTION.gatewayMode6])("%s=isolated needs internal", (key) => {
    const options = parseBridgeOptions({ [key]: "isolated" });
    expect(() => checkModes(options, true)).not.toThrow();
    expect(() => checkModes(options, false)).toThrow(
      expect.objectContaining({
        code: "invalid",
        field: `options.${key}`,
        message: `options.${key}: gateway mode 'isolated' can only be used for an internal network: make the network internal, or choose another mode`,
      }),
    );
  });
});

describe("checkMtu()", () => {
  test.each([
    ["1279", false, undefined],
    ["1280", true, undefined],
    ["1279", true, "IPv6 needs 1280 bytes at least"],
  ])("an MTU of %s with IPv6 %s", (mtu, enableIPv6, refusal) => {
    const check = (): void => checkMtu(parseBridgeOptions({ [LINK_OPTION.mtu]: mtu }), enableIPv6);
    if (refusal === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(refusal);
  });
});
