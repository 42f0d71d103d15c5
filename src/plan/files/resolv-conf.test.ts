import fc from "fast-check";
import type { Ip } from "../../base/ip.ts";
import { describe, expect, test } from "vitest";
import {
  copiedResolvConf,
  embeddedResolvConf,
  formatResolvConf,
  parseResolvConf,
  type DnsWishes,
  type ResolvConf,
} from "./resolv-conf.ts";

const none: DnsWishes = { servers: [], search: [], options: [] };
const conf = (part: { nameservers?: string[]; search?: string[]; options?: string[] }): ResolvConf => ({
  nameservers: (part.nameservers ?? []) as Ip[],
  search: part.search ?? [],
  options: part.options ?? [],
});

describe("parseResolvConf()", () => {
  test("reads servers in order, the last search and all options", () => {
    const text = [
      "# written by hand",
      "; another comment",
      "nameserver 10.0.0.53",
      "\tnameserver   FD00::53 trailing words",
      "nameserver fe80::1%eth0",
      "nameserver nonsense",
      "nameserver",
      "domain old.example",
      "search a.example b.example",
      "options edns0 ndots:2",
      "options trust-ad",
      "sortlist 10.0.0.0/8",
      "",
    ].join("\r\n");
    expect(parseResolvConf(text)).toEqual({
      nameservers: ["10.0.0.53", "fd00::53"],
      search: ["a.example", "b.example"],
      options: ["edns0", "ndots:2", "trust-ad"],
      other: ["sortlist 10.0.0.0/8"],
    });
  });

  test("takes any text", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseResolvConf(text)));
    expect(parseResolvConf("")).toEqual(conf({}));
  });

  test("gives back what formatResolvConf() wrote", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9.:-]{0,10}$/);
    const ip = fc.constantFrom("10.0.0.53", "fd00::53", "127.0.0.11");
    const any = fc.record({ nameservers: fc.array(ip), search: fc.array(word), options: fc.array(word) });
    fc.assert(
      fc.property(any, (value) => {
        expect(parseResolvConf(formatResolvConf(conf(value)))).toEqual(value);
      }),
    );
  });
});

describe("formatResolvConf()", () => {
  test("writes what there is and nothing else", () => {
    const full = conf({
      nameservers: ["127.0.0.11"],
      search: ["a.example", "b.example"],
      options: ["ndots:0"],
    });
    expect(formatResolvConf(full)).toBe(
      "nameserver 127.0.0.11\nsearch a.example b.example\noptions ndots:0\n",
    );
    expect(formatResolvConf(conf({ nameservers: ["10.0.0.53"] }))).toBe("nameserver 10.0.0.53\n");
  });

  test("refuses words that would add lines", () => {
    expect(() => formatResolvConf(conf({ search: ["ok", "a\nnameserver 6.6.6.6"] }))).toThrow(
      /^dns\.search\[1\]: "a\\nnameserver 6\.6\.6\.6" cannot stand in the file: write one word/,
    );
    expect(() => formatResolvConf(conf({ options: ["ndots:1 debug"] }))).toThrow(/^dns\.options\[0\]/);
    expect(() => formatResolvConf(conf({ search: [""] }))).toThrow(/^dns\.search\[0\]/);
  });
});

describe("embeddedResolvConf()", () => {
  const host = conf({ nameservers: ["10.0.0.53"], search: ["corp.example"], options: ["edns0"] });

  test("names the embedded resolver alone and adds ndots:0", () => {
    expect(embeddedResolvConf({ host, wishes: none })).toEqual({
      nameservers: ["127.0.0.11"],
      search: ["corp.example"],
      options: ["edns0", "ndots:0"],
    });
  });

  test("takes the user's words instead of the host's", () => {
    const wishes = { servers: ["1.1.1.1" as Ip], search: ["mine.example"], options: ["timeout:1"] };
    expect(embeddedResolvConf({ host, wishes })).toEqual({
      nameservers: ["127.0.0.11"],
      search: ["mine.example"],
      options: ["timeout:1", "ndots:0"],
    });
    expect(embeddedResolvConf({ host, wishes: { ...none, search: ["."] } }).search).toEqual([]);
  });

  test.each([
    [["ndots:5"], ["ndots:5"]],
    [["ndots:"], ["ndots:0"]],
    [["ndots"], ["ndots:0"]],
    [
      ["ndots:-1", "edns0"],
      ["edns0", "ndots:0"],
    ],
    [["ndots:x", "ndots:2"], ["ndots:2"]],
  ])("makes %j to %j", (given, expected) => {
    expect(embeddedResolvConf({ host, wishes: { ...none, options: given } }).options).toEqual(expected);
  });
});

describe("copiedResolvConf()", () => {
  const host = conf({
    nameservers: ["127.0.0.53", "10.0.0.53", "::1", "fd00::53"],
    search: ["corp.example"],
    options: ["edns0"],
  });

  test("drops servers on loopback, and IPv6 where the sandbox has none", () => {
    expect(copiedResolvConf({ host, wishes: none, ipv6: false })).toEqual({
      nameservers: ["10.0.0.53"],
      search: ["corp.example"],
      options: ["edns0"],
    });
    expect(copiedResolvConf({ host, wishes: none, ipv6: true }).nameservers).toEqual([
      "10.0.0.53",
      "fd00::53",
    ]);
  });

  test("falls back to public servers when none is left", () => {
    const local = conf({ nameservers: ["127.0.0.53"] });
    expect(copiedResolvConf({ host: local, wishes: none, ipv6: false }).nameservers).toEqual([
      "8.8.8.8",
      "8.8.4.4",
    ]);
    expect(copiedResolvConf({ host: conf({}), wishes: none, ipv6: true }).nameservers).toEqual([
      "8.8.8.8",
      "8.8.4.4",
      "2001:4860:4860::8888",
      "2001:4860:4860::8844",
    ]);
  });

  test("takes the user's servers as they are", () => {
    const wishes = { ...none, servers: ["127.0.0.1", "fd00::1"] as Ip[] };
    expect(copiedResolvConf({ host, wishes, ipv6: false }).nameservers).toEqual(["127.0.0.1", "fd00::1"]);
  });
});
