import { expect, test } from "vitest";
import { parseIp } from "../../base/ip.ts";
import { copiedResolvConf, embeddedResolvConf, formatResolvConf, parseResolvConf } from "./resolv-conf.ts";

/** The situations of Docker's resolv.conf tests and goldens: the host's file, what the user says, and what the sandbox has. */
interface Row {
  readonly host: readonly string[];
  readonly dns?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
  /** The sandbox has IPv6. */
  readonly ipv6?: true;
}

function read(row: Row): Parameters<typeof copiedResolvConf>[0] {
  const { dns = [], search = [], options = [], ipv6 = false } = row;
  const servers = dns.map((text) => parseIp(text));
  return { host: parseResolvConf(row.host.join("\n")), wishes: { servers, search, options }, ipv6 };
}

const lines = (text: string): string[] => text.trimEnd().split("\n");

const PUBLIC = ["nameserver 8.8.8.8", "nameserver 8.8.4.4"];
const PUBLIC6 = ["nameserver 2001:4860:4860::8888", "nameserver 2001:4860:4860::8844"];

test.each<[string, Row, readonly string[]]>([
  ["an IPv4 server", { host: ["nameserver 10.0.0.1"] }, ["nameserver 10.0.0.1"]],
  [
    "servers of both families, where the sandbox has both",
    { host: ["nameserver 10.0.0.1", "nameserver fdb6:b8fe:b528::1"], ipv6: true },
    ["nameserver 10.0.0.1", "nameserver fdb6:b8fe:b528::1"],
  ],
  [
    "servers of both families, where it has IPv4",
    { host: ["nameserver 10.0.0.1", "nameserver fdb6:b8fe:b528::1"] },
    ["nameserver 10.0.0.1"],
  ],
  ["an IPv6 server, where it has IPv4: public ones", { host: ["nameserver fdb6:b8fe:b528::1"] }, PUBLIC],
  [
    "an IPv6 server, where it has IPv6",
    { host: ["nameserver fdb6:b8fe:b528::1"], ipv6: true },
    ["nameserver fdb6:b8fe:b528::1"],
  ],
  ["a server on the host's loopback: public ones", { host: ["nameserver 127.0.0.53"] }, PUBLIC],
  [
    "servers on both loopbacks, where it has IPv6: public ones of both families",
    { host: ["nameserver 127.0.0.53", "nameserver ::1"], ipv6: true },
    [...PUBLIC, ...PUBLIC6],
  ],
  [
    "servers on loopback among others",
    { host: ["nameserver 127.0.0.1", "nameserver 10.0.0.1", "nameserver ::1"] },
    ["nameserver 10.0.0.1"],
  ],
  ["no server: public ones", { host: ["search corp.example"] }, [...PUBLIC, "search corp.example"]],
  ["nothing at all: public ones", { host: [] }, PUBLIC],
  [
    "servers that are none are passed over",
    { host: ["nameserver 1.2.3.4.5", "nameserver", "nameserver ns.example", "nameserver 10.0.0.1"] },
    ["nameserver 10.0.0.1"],
  ],
  [
    "a server with a zone, which names a link of the host",
    { host: ["nameserver fe80::1%eth0", "nameserver 10.0.0.1"], ipv6: true },
    ["nameserver 10.0.0.1"],
  ],
  [
    "the user's servers, on loopback too, in the user's order",
    { host: ["nameserver 10.0.0.1"], dns: ["127.0.0.1", "fd00::9", "10.0.0.2"] },
    ["nameserver 127.0.0.1", "nameserver fd00::9", "nameserver 10.0.0.2"],
  ],
  [
    "the user's search in place of the host's",
    { host: ["nameserver 10.0.0.1", "search a.example b.example"], search: ["c.example"] },
    ["nameserver 10.0.0.1", "search c.example"],
  ],
  [
    "no search, by a dot of the user's",
    { host: ["nameserver 10.0.0.1", "search a.example"], search: ["."] },
    ["nameserver 10.0.0.1"],
  ],
  [
    "the last search counts, by either name",
    { host: ["nameserver 10.0.0.1", "search a.example", "domain b.example"] },
    ["nameserver 10.0.0.1", "search b.example"],
  ],
  [
    "the user's options in place of the host's",
    { host: ["nameserver 10.0.0.1", "options edns0 ndots:2"], options: ["timeout:1", "attempts:2"] },
    ["nameserver 10.0.0.1", "options timeout:1 attempts:2"],
  ],
  [
    "options of several lines, in order",
    { host: ["nameserver 10.0.0.1", "options edns0", "options trust-ad ndots:3"] },
    ["nameserver 10.0.0.1", "options edns0 trust-ad ndots:3"],
  ],
  [
    "lines that nobody here understands are kept",
    { host: ["sortlist 10.0.0.0/8", "nameserver 10.0.0.1", "lookup file bind", "alone"] },
    ["nameserver 10.0.0.1", "sortlist 10.0.0.0/8", "lookup file bind"],
  ],
  [
    "comments and spaces are not",
    { host: ["# made by hand", ";other", "#nameserver 10.9.9.9", "  nameserver\t10.0.0.1  # mine", ""] },
    ["nameserver 10.0.0.1"],
  ],
])("the host's resolv.conf, copied for a sandbox without the embedded resolver: %s", (_, row, wanted) => {
  expect(lines(formatResolvConf(copiedResolvConf(read(row))))).toEqual(wanted);
});

const OURS = "nameserver 127.0.0.11";

test.each<[string, Row, readonly string[]]>([
  [
    "the host's servers are not named",
    { host: ["nameserver 10.0.0.1", "nameserver fd00::1"] },
    [OURS, "options ndots:0"],
  ],
  ["nor those on its loopback", { host: ["nameserver 127.0.0.53"] }, [OURS, "options ndots:0"]],
  ["nor the user's", { host: ["nameserver 10.0.0.1"], dns: ["10.0.0.2"] }, [OURS, "options ndots:0"]],
  ["a host without servers", { host: [] }, [OURS, "options ndots:0"]],
  [
    "search and options of the host stay, and ndots:0 is added",
    { host: ["nameserver 10.0.0.1", "search a.example", "options edns0"] },
    [OURS, "search a.example", "options edns0 ndots:0"],
  ],
  [
    "an ndots of the host's stays",
    { host: ["nameserver 10.0.0.1", "options ndots:5 edns0"] },
    [OURS, "options ndots:5 edns0"],
  ],
  [
    "an ndots of the user's stays, 0 too",
    { host: ["nameserver 10.0.0.1", "options ndots:5"], options: ["ndots:0"] },
    [OURS, "options ndots:0"],
  ],
  [
    "the user's options without ndots: the host's ndots is gone",
    { host: ["nameserver 10.0.0.1", "options ndots:5"], options: ["edns0"] },
    [OURS, "options edns0 ndots:0"],
  ],
  ...["ndots", "ndots:", "ndots:-1", "ndots:abc"].map((bad): [string, Row, string[]] => [
    `${bad} is none`,
    { host: ["nameserver 10.0.0.1", `options ${bad} trust-ad`] },
    [OURS, "options trust-ad ndots:0"],
  ]),
  [
    "lines that nobody here understands are kept",
    { host: ["nameserver 10.0.0.1", "sortlist 10.0.0.0/8"] },
    [OURS, "options ndots:0", "sortlist 10.0.0.0/8"],
  ],
])("the resolv.conf of a sandbox with the embedded resolver: %s", (_, row, wanted) => {
  expect(lines(formatResolvConf(embeddedResolvConf(read(row))))).toEqual(wanted);
});
