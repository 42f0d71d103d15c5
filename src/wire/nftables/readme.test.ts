import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeMessages } from "../netlink/message.ts";
import * as nft from "./index.ts";

function example(): { bytes: Uint8Array; beginSeq: number; lastSeq: number } {
  const { INET } = nft.NFPROTO;
  const filter = { family: INET, table: "filter" };
  const key = ["ipv4_addr", "inet_service"] as const;
  const value = nft.encodeKey(key, ["192.0.2.1", 22], "element");
  const { bytes, beginSeq, lastSeq } = nft.transaction(
    [
      nft.addTable({ family: INET, name: "filter" }),
      nft.addChain({
        ...filter,
        name: "input",
        hook: { type: "filter", hooknum: nft.NF_INET.LOCAL_IN, priority: 0 },
        policy: nft.NFT_VERDICT.ACCEPT,
      }),
      nft.addSet({ ...filter, name: "ports", id: 1, type: nft.setType({ key, data: "verdict" }) }),
      nft.addRule({
        ...filter,
        chain: "input",
        expressions: [
          nft.loadMeta(nft.NFT_META.NFPROTO, 1),
          nft.compare(1, "==", Uint8Array.of(nft.NFPROTO.IPV4)),
          nft.loadMeta(nft.NFT_META.L4PROTO, 1),
          nft.compare(1, "==", Uint8Array.of(6)),
          nft.loadPayload({ base: "network", offset: 12, len: 4 }, 1),
          nft.loadPayload({ base: "transport", offset: 2, len: 2 }, 9),
          nft.lookupMap("ports", 1, nft.NFT_REG.VERDICT),
        ],
      }),
      nft.addElements({
        ...filter,
        set: "ports",
        elements: [{ key: { value }, data: { verdict: { kind: "drop" } } }],
      }),
    ],
    { firstSeq: 1 },
  );
  return { bytes, beginSeq, lastSeq };
}

test("README.md shows what example() runs", () => {
  const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
  const block = /```ts\n(.*?)```/s.exec(read("README.md"))?.[1] ?? "";
  const shown = block.split("\n").filter((line) => line !== "" && !/^(import|\/\/)/.test(line));
  expect(shown.length).toBeGreaterThan(10);
  const run = read("readme.test.ts");
  for (const line of shown) expect(run).toContain(`  ${line}\n`);
});

test("the example is one transaction of five requests", () => {
  const { bytes, beginSeq, lastSeq } = example();
  const messages = decodeMessages(bytes);
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect([beginSeq, lastSeq]).toEqual([1, 6]);
  const kinds = messages.filter(nft.isNft).map((message) => nft.decodeNft(message).kind);
  expect(kinds).toEqual(["table", "chain", "set", "rule", "elements"]);
});
