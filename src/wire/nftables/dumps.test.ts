import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseRecorded } from "../../testkit/hex.ts";
import type { AttrValues } from "../netlink/attrs.ts";
import { decodeMessages } from "../netlink/message.ts";
import {
  commentOf,
  type Data,
  decodeCounter,
  decodeKey,
  decodeNft,
  NF_INET,
  NFPROTO,
  NFT_SET,
  NFT_SET_ELEM,
  NFT_VERDICT,
  type ObjectKinds,
  unpackTypes,
  valueOf,
} from "./index.ts";

const recorded = parseRecorded(readFileSync(new URL("testdata/dumps.txt", import.meta.url), "utf8")).flatMap(
  ({ bytes }) => decodeMessages(bytes).map((message) => decodeNft(message)),
);

/** The values of one kind, in the order they came. */
function valuesOf<K extends keyof ObjectKinds>(kind: K): AttrValues<ObjectKinds[K]>[] {
  return recorded.flatMap((message) =>
    message.kind === kind ? [message.value as AttrValues<ObjectKinds[K]>] : [],
  );
}

test("every message is of a known kind, of the family asked for, and new", () => {
  expect(recorded).toHaveLength(19);
  expect(recorded.filter(({ kind }) => kind === "unknown")).toEqual([]);
  expect(new Set(recorded.map((message) => message.kind !== "unknown" && message.verb))).toEqual(
    new Set(["new"]),
  );
  expect(new Set(recorded.map(({ kind, family }) => kind === "gen" || family === NFPROTO.INET))).toEqual(
    new Set([true]),
  );
});

test("a table with its comment", () => {
  const [table] = valuesOf("table");
  expect(table).toMatchObject({ name: "t", flags: 0, handle: 1n });
  expect(commentOf("table", table?.userdata)).toBe("of netdock");
});

test("chains: base and other", () => {
  expect(valuesOf("chain")).toMatchObject([
    {
      name: "c",
      type: "filter",
      policy: NFT_VERDICT.DROP,
      hook: { hooknum: NF_INET.LOCAL_IN, priority: -5 },
    },
    { name: "other", use: 1 },
  ]);
});

test("rules: expressions, positions, comment", () => {
  const rules = valuesOf("rule");
  expect(rules.map(({ handle, position }) => [handle, position])).toEqual([
    [7n, undefined],
    [8n, 7n],
    [9n, 8n],
    [10n, 9n],
    [12n, 10n],
  ]);
  expect(
    rules.map(({ expressions = [] }) =>
      expressions.map((e) => (e.kind === "unknown" ? `?${e.name}` : e.kind)),
    ),
  ).toEqual([
    ["meta", "cmp", "counter", "immediate"],
    ["ct", "bitwise", "cmp", "immediate"],
    ["meta", "cmp", "meta", "cmp", "payload", "payload", "lookup"],
    ["?objref", "limit", "log", "reject"],
    ["meta", "cmp", "payload", "lookup", "meta", "cmp", "payload", "?dynset"],
  ]);
  expect(rules[0]?.expressions?.[2]).toEqual({ kind: "counter", data: { bytes: 400n, packets: 5n } });
  expect(commentOf("rule", rules[0]?.userdata)).toBe("own");
});

test("sets: types, flags, sizes, timeouts", () => {
  const [seen, ranges, where, anonymous] = valuesOf("set");
  expect(seen).toMatchObject({ name: "seen", timeout: 60_000n, desc: { size: 100 } });
  expect(ranges).toMatchObject({ keyLen: 8, desc: { concat: [{ len: 4 }, { len: 2 }] } });
  expect((ranges?.flags ?? 0) & (NFT_SET.CONCAT | NFT_SET.INTERVAL | NFT_SET.MAP)).toBe(
    NFT_SET.CONCAT | NFT_SET.INTERVAL | NFT_SET.MAP,
  );
  expect(unpackTypes(ranges?.keyType ?? 0)).toEqual(["ipv4_addr", "inet_service"]);
  expect(unpackTypes(where?.dataType ?? 0)).toEqual(["ipv4_addr"]);
  expect((anonymous?.flags ?? 0) & NFT_SET.ANONYMOUS).toBe(NFT_SET.ANONYMOUS);
});

test("elements: a range with a verdict, one for any other key, a value with a comment", () => {
  const [, range, rest, where] = valuesOf("elements");
  const [element] = range?.elements ?? [];
  const fields = (data: Data | undefined): unknown =>
    data && decodeKey(["ipv4_addr", "inet_service"], valueOf(data));
  expect(fields(element?.key)).toEqual(["192.0.2.1", 8000]);
  expect(fields(element?.keyEnd)).toEqual(["192.0.2.1", 8099]);
  expect(element?.data).toEqual({ verdict: { kind: "goto", chain: "other" } });
  expect(rest?.elements).toEqual([{ data: { verdict: { kind: "drop" } }, flags: NFT_SET_ELEM.CATCHALL }]);
  expect(commentOf("element", where?.elements?.[0]?.userdata)).toBe("web");
});

test("a counter object, and the generation", () => {
  const [hits] = valuesOf("object");
  expect(hits).toMatchObject({ name: "hits", use: 1 });
  expect(decodeCounter(hits?.data ?? new Uint8Array(0))).toEqual({ bytes: 200n, packets: 3n });
  expect(valuesOf("gen")).toMatchObject([{ procName: "node-MainThread" }]);
});
