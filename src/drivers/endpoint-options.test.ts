import { describe, expect, test } from "vitest";
import {
  checkEndpointOptions,
  disablesIpv6,
  ENDPOINT_OPTION,
  parseEndpointSysctls,
} from "./endpoint-options.ts";

const sysctls = (text: string): Record<string, string> => ({ [ENDPOINT_OPTION.sysctls]: text });
const check = (options: Record<string, string>, ipv6?: string): void =>
  checkEndpointOptions({ network: "n", options, ...(ipv6 === undefined ? {} : { ipv6 }) }, "bridge");

describe("parseEndpointSysctls()", () => {
  test.each([
    [{}, []],
    [sysctls(""), []],
    [sysctls("net.ipv4.conf.IFNAME.log_martians=1"), ["net.ipv4.conf.eth0.log_martians=1"]],
    // Docker takes the word in lower case, too.
    [
      sysctls("net.ipv6.neigh.ifname.base_reachable_time_ms=20000"),
      ["net.ipv6.neigh.eth0.base_reachable_time_ms=20000"],
    ],
    [
      sysctls("net.ipv4.conf.IFNAME.forwarding=1,net.mpls.conf.IFNAME.input=1"),
      ["net.ipv4.conf.eth0.forwarding=1", "net.mpls.conf.eth0.input=1"],
    ],
  ])("%j", (options, expected) => {
    const found = parseEndpointSysctls(options).map(({ keyFor, value }) => `${keyFor("eth0")}=${value}`);
    expect(found).toEqual(expected);
  });

  test("a dot in the link's name is a slash in the key", () => {
    const [one] = parseEndpointSysctls(sysctls("net.ipv4.conf.IFNAME.rp_filter=2"));
    expect(one?.keyFor("eth0.5")).toBe("net.ipv4.conf.eth0/5.rp_filter");
  });

  test.each([
    "net.ipv4.conf.IFNAME.log_martians",
    "net.ipv4.conf.eth0.log_martians=1",
    "net.ipv4.conf.IFNAME.more.log_martians=1",
    "net.ipv4.IFNAME.log_martians=1",
    "net.core.conf.IFNAME.x=1",
    "kernel.ipv4.conf.IFNAME.x=1",
    "net.ipv4.conf.IFNAME.x=",
    "net.ipv4.../conf.IFNAME.x=1",
  ])("refuses %s", (text) => {
    expect(() => parseEndpointSysctls(sysctls(text))).toThrow(
      expect.objectContaining({
        code: "invalid",
        field: `options.${ENDPOINT_OPTION.sysctls}`,
        message: expect.stringContaining(text) as string,
      }),
    );
  });
});

test.each([
  ["net.ipv6.conf.IFNAME.disable_ipv6=1", true],
  ["net.ipv6.conf.IFNAME.disable_ipv6=0", false],
  ["net.ipv6.conf.IFNAME.disable_ipv6=1,net.ipv6.conf.IFNAME.disable_ipv6=0", false],
  ["net.ipv4.conf.IFNAME.forwarding=1", false],
  ["", false],
])("disablesIpv6() of %j is %j", (text, expected) => {
  expect(disablesIpv6(sysctls(text))).toBe(expected);
});

describe("checkEndpointOptions()", () => {
  test("refuses an address of a family that the sysctls switch off", () => {
    const options = sysctls("net.ipv6.conf.IFNAME.disable_ipv6=1");
    expect(() => check(options)).not.toThrow();
    expect(() => check(options, "fd00::2")).toThrow(
      expect.objectContaining({ code: "invalid", field: "ipv6" }),
    );
  });

  test("names the keys there are", () => {
    expect(() => check({ "com.docker.network.endpoint.sysctl": "" })).toThrow(
      `the bridge driver knows ${Object.values(ENDPOINT_OPTION).join(", ")}`,
    );
  });
});
