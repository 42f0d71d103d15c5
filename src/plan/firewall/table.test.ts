import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Subnet } from "../../base/cidr.ts";
import type { Ip } from "../../base/ip.ts";
import {
  allowElements,
  formatRuleset,
  networkElements,
  openElements,
  ownPolicyElements,
  peerElements,
  policyElements,
  publishElements,
  resolverRedirect,
  type Rule,
  type Statement,
  type Table,
  TABLE,
  USER_PREFIX,
} from "./index.ts";

const read = (file: string): string => readFileSync(new URL(`testdata/${file}`, import.meta.url), "utf8");
const port = { protocol: "tcp", hostPort: 8080, containerPort: 80, count: 1 } as const;

describe("formatRuleset()", () => {
  test("the host's table with two networks and four published ports", () => {
    const text = formatRuleset(TABLE, [
      ...networkElements({
        bridge: "nd-front",
        internal: false,
        icc: true,
        trusted: ["eth1"],
        mode4: "nat",
        mode6: "routed",
        leave4: "198.51.100.7" as Ip,
        leave6: undefined,
      }),
      ...networkElements({
        bridge: "nd-back",
        internal: true,
        icc: false,
        trusted: [],
        mode4: "isolated",
        mode6: "nat",
        leave4: undefined,
        leave6: undefined,
      }),
      ...publishElements({ ...port, hostIp: "0.0.0.0" as Ip }, "10.0.0.2" as Ip),
      ...publishElements({ ...port, hostIp: "127.0.0.1" as Ip, hostPort: 8081 }, "10.0.0.2" as Ip),
      ...publishElements(
        { ...port, hostIp: "0.0.0.0" as Ip, hostPort: 9000, containerPort: 9000, count: 100 },
        "10.0.0.2" as Ip,
      ),
      ...publishElements({ ...port, hostIp: "::" as Ip }, "fd00::2" as Ip),
      ...openElements({ address: "fd00::2" as Ip, ports: [port, { ...port, containerPort: 90, count: 10 }] }),
      ...allowElements({ ...port, hostIp: "0.0.0.0" as Ip, from: ["192.0.2.0/24" as Subnet] }),
      ...policyElements("nd-front", {
        default: "deny",
        rules: [
          { action: "deny", to: "10.1.0.0/16" as Subnet, ports: [] },
          {
            action: "allow",
            to: "10.0.0.0/8" as Subnet,
            ports: [{ protocol: "tcp", first: 443, last: 443 }],
          },
        ],
      }),
      ...ownPolicyElements("fd00::2" as Ip, {
        default: "allow",
        rules: [{ action: "deny", to: "2001:db8::/32" as Subnet, ports: [] }],
      }),
      ...peerElements({
        from: "nd-front",
        to: "nd-db",
        ports: [
          { protocol: "tcp", first: 5432, last: 5432 },
          { protocol: "udp", first: 53, last: 60 },
        ],
      }),
    ]);
    expect(text).toBe(read("host.nft"));
  });

  test("a sandbox's table", () => {
    expect(formatRuleset(resolverRedirect(40_053), [])).toBe(read("sandbox.nft"));
  });
});

describe.each([
  ["host", TABLE],
  ["sandbox", resolverRedirect(40_053)],
] as const)("the %s's table", (_, table: Table) => {
  const rules: readonly Rule[] = table.chains.flatMap((chain) => chain.rules);
  const statements: readonly Statement[] = rules.flatMap((rule) => rule.statements);

  test("has each name once", () => {
    const names = [...table.chains, ...table.maps].map(({ name }) => name);
    expect(names.length - table.maps.length).toBe(new Set(table.chains.map(({ name }) => name)).size);
    expect(table.maps.length).toBe(new Set(table.maps.map(({ name }) => name)).size);
  });

  test("refers only to chains and maps it has, with keys of their length", () => {
    for (const statement of statements) {
      if (statement.kind === "jump" || statement.kind === "goto") {
        const target = table.chains.find(({ name }) => name === statement.chain);
        expect(target?.hook, `${statement.chain} must be a chain without a hook`).toBeUndefined();
        expect(target).toBeDefined();
      } else if ("key" in statement) {
        const name = statement.kind === "inSet" ? statement.set : statement.map;
        expect(table.maps.find((map) => map.name === name)?.key.length).toBe(statement.key.length);
      }
    }
  });

  test("keeps comments within what nft reads back", () => {
    const comments = [
      table.comment,
      ...table.maps.map((map) => map.comment),
      ...rules.map((rule) => rule.comment),
    ];
    expect(comments.filter((comment) => (comment?.length ?? 0) > 127)).toEqual([]);
  });

  test("gives a chain to the user by its name, and only so", () => {
    for (const { name, user, rules: own } of table.chains) {
      expect(user === true).toBe(name.startsWith(USER_PREFIX));
      if (user === true) expect(own).toEqual([]);
    }
  });
});

test("traffic meets the user's chain before anything of ours decides", () => {
  const forward = TABLE.chains.find(({ name }) => name === "forward");
  expect(forward?.rules[0]?.statements).toEqual([{ kind: "jump", chain: "user-forward" }]);
});
