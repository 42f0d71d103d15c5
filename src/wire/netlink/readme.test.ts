import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { addAddress, addLink, AF_INET, decodeMessages, encodeBatch, parseIp, upFlag } from "./index.ts";
import { decodeLink } from "./link.ts";

function example(): Uint8Array {
  const address = parseIp("10.0.0.1");
  const requests = [
    addLink({
      ...upFlag(true),
      index: 10,
      name: "br0",
      linkInfo: { info: { kind: "bridge", data: { mcastSnooping: false } } },
    }),
    addLink({
      ...upFlag(true),
      index: 20,
      name: "v0",
      master: 10,
      linkInfo: { info: { kind: "veth", data: { peer: { index: 21, name: "eth0" } } } },
    }),
    addAddress({ family: AF_INET, index: 10, prefixLength: 24, local: address, address }),
  ];
  const bytes = encodeBatch(requests, { firstSeq: 1 });
  return bytes;
}

describe("README.md", () => {
  it("shows what example() runs", () => {
    const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
    const block = /```ts\n(.*?)```/s.exec(read("README.md"))?.[1] ?? "";
    const shown = block.split("\n").filter((line) => line !== "" && !/^(import|\/\/)/.test(line));
    expect(shown.length).toBeGreaterThan(10);
    const run = read("readme.test.ts");
    for (const line of shown) expect(run).toContain(`  ${line}\n`);
  });

  it("makes three messages of the example", () => {
    const messages = decodeMessages(example());
    expect(messages.map((m) => m.seq)).toEqual([1, 2, 3]);
    expect(decodeLink(messages[1]!.body)).toMatchObject({
      name: "v0",
      master: 10,
      linkInfo: { info: { kind: "veth", data: { peer: { index: 21, name: "eth0" } } } },
    });
  });
});
