import type { Ip } from "../../base/ip.ts";
import { expect, test } from "vitest";
import { formatHostname, formatHosts, type HostsFile } from "./hosts.ts";

const file: HostsFile = {
  hostname: "web",
  domainname: "",
  addresses: ["172.18.0.2", "fd00::2"] as Ip[],
  extraHosts: [
    { name: "db.example", ip: "10.0.0.9" as Ip },
    { name: "six", ip: "fd00::9" as Ip },
  ],
  ipv6: true,
};

test("formatHosts() gives localhost, extra hosts and a line for each address", () => {
  expect(formatHosts(file)).toBe(
    [
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "fe00::\tip6-localnet",
      "ff00::\tip6-mcastprefix",
      "ff02::1\tip6-allnodes",
      "ff02::2\tip6-allrouters",
      "10.0.0.9\tdb.example",
      "fd00::9\tsix",
      "172.18.0.2\tweb",
      "fd00::2\tweb",
      "",
    ].join("\n"),
  );
});

test("formatHosts() leaves IPv6 out where the sandbox has none", () => {
  expect(formatHosts({ ...file, ipv6: false })).toBe(
    "127.0.0.1\tlocalhost\n10.0.0.9\tdb.example\n172.18.0.2\tweb\n",
  );
});

test.each([
  ["web", "shop.example", "web.shop.example web"],
  ["web.shop.example", "", "web.shop.example web"],
  ["web", "", "web"],
])("formatHosts() names %s in domain %j as %s", (hostname, domainname, names) => {
  const text = formatHosts({ ...file, hostname, domainname, addresses: ["10.0.0.2" as Ip], extraHosts: [] });
  expect(text.split("\n").at(-2)).toBe(`10.0.0.2\t${names}`);
});

test("names that would add lines or hide some are refused", () => {
  const bad = [{ name: "a\n10.6.6.6 bank", ip: "10.0.0.9" as Ip }];
  expect(() => formatHosts({ ...file, extraHosts: bad })).toThrow(
    /^extraHosts\[0\]: "a\\n10\.6\.6\.6 bank" cannot stand/,
  );
  expect(() => formatHosts({ ...file, hostname: "we b" })).toThrow(/^hostname: /);
  expect(() => formatHosts({ ...file, domainname: "x#y" })).toThrow(/^domainname: /);
  expect(() => formatHostname("")).toThrow(/^hostname: /);
  expect(formatHostname("web")).toBe("web\n");
});
