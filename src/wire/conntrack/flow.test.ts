import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError } from "../../base/cursor.ts";
import { ipFromBytes, parseIp } from "../../base/ip.ts";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage, type Request } from "../netlink/message.ts";
import { decodeFlow, deleteFlow, dumpFlows, type Flow, type FlowTuple } from "./flow.ts";
import { IPPROTO } from "./numbers.ts";

const port = fc.integer({ min: 0, max: 0xffff });
const anyTuple = (bytes: 4 | 16): fc.Arbitrary<FlowTuple> => {
  const ip = fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(ipFromBytes);
  return fc.record({
    source: ip,
    destination: ip,
    protocol: fc.constantFrom(...Object.values(IPPROTO)),
    sourcePort: port,
    destinationPort: port,
  });
};
const anyFlow = fc.constantFrom(4 as const, 16 as const).chain((bytes) =>
  fc.record(
    {
      original: anyTuple(bytes),
      reply: anyTuple(bytes),
      id: fc.integer({ min: 0, max: 0xffff_ffff }),
      zone: port,
    },
    { requiredKeys: ["original", "reply"] },
  ),
);

/** A flow as the kernel shows it: what a deletion says of it, and the answers' tuple under its own number. */
function shown(flow: Flow): Uint8Array {
  const { body } = deleteFlow(flow);
  const reply = deleteFlow({ original: flow.reply }).body.slice(4);
  // CTA_TUPLE_REPLY
  reply[2] = 2;
  return Uint8Array.from([...body, ...reply]);
}

describe("flows", () => {
  test("come back as they were written", () => {
    fc.assert(
      fc.property(anyFlow, (flow) => {
        expect(decodeFlow({ body: shown(flow) })).toEqual(flow);
      }),
    );
  });

  test("of any bytes are a flow or a decode error", () => {
    fc.assert(
      fc.property(anyFlow, fc.nat(), fc.integer({ min: 0, max: 255 }), (flow, at, byte) => {
        const body = shown(flow);
        body[at % body.length] = byte;
        try {
          decodeFlow({ body });
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });

  test("a deletion always names addresses, protocol and ports", () => {
    fc.assert(
      fc.property(anyFlow, (flow) => {
        // Without CTA_TUPLE_ORIG the kernel would empty the table (ctnetlink_del_conntrack).
        const { body } = deleteFlow(flow);
        expect(body[6]).toBe(1);
        const { original } = decodeFlow({ body: shown(flow) });
        expect(original).toEqual(flow.original);
      }),
    );
  });
});

/** 127.0.0.1:4000 to 127.0.0.1:5000, as Linux 6.18 shows it to conntrack 1.4.7. */
const ORIGINAL = `
  34000180 14000180 08000100 7f000001 08000200 7f000001 1c000280 05000100
  11000000 06000200 0fa00000 06000300 13880000
`;
const RECORDED = `
  02000000 ${ORIGINAL}
  34000280 14000180 08000100 7f000001 08000200 7f000001 1c000280 05000100
  11000000 06000200 13880000 06000300 0fa00000
  08000300 00000008 08000800 00000000 08000c00 a5d635f9 08000b00 00000001
  08000700 0000001d
`;

describe("flow messages", () => {
  test("a recorded flow is read", () => {
    const ends = { source: "127.0.0.1", destination: "127.0.0.1", protocol: IPPROTO.UDP };
    expect(decodeFlow({ body: hex(RECORDED) })).toEqual({
      original: { ...ends, sourcePort: 4000, destinationPort: 5000 },
      reply: { ...ends, sourcePort: 5000, destinationPort: 4000 },
      id: 0xa5d6_35f9,
    });
  });

  // What conntrack 1.4.7 sends, less the rest of the entry, which the kernel does not look at; the number is ours: an entry
  // that took the place of one that ended meanwhile has another.
  const deletion = `
    58000000 02010500 00000000 00000000 02000000 ${ORIGINAL}
    08000c00 a5d635f9 06001200 00070000
  `;
  // The kernel's filter: which fields of the first packet's tuple count (CTA_FILTER, CTA_FILTER_ORIG_FLAGS).
  const filtered = `
    4c000000 01010103 00000000 00000000 02000000
    24000180 0c000180 08000200 c0000201 14000280 05000100 11000000 06000300
    00350000 14001980 08000100 2a000000 08000200 00000000
  `;
  const byProtocol = `
    38000000 01010103 00000000 00000000 0a000000
    10000180 0c000280 05000100 11000000 14001980 08000100 08000000 08000200
    00000000
  `;
  test.each<[string, Request, string]>([
    [
      "conntrack -D -p udp -s 127.0.0.1 --sport 4000 -d 127.0.0.1 --dport 5000 -w 7",
      deleteFlow({ ...decodeFlow({ body: hex(RECORDED) }), zone: 7 }),
      deletion,
    ],
    [
      "conntrack -L -f ipv4 -p udp -d 192.0.2.1 --dport 53",
      dumpFlows({ family: 4, protocol: 17, destination: parseIp("192.0.2.1"), destinationPort: 53 }),
      filtered,
    ],
    ["conntrack -L -f ipv6 -p udp", dumpFlows({ family: 6, protocol: 17 }), byProtocol],
  ])("%s", (_, request, bytes) => {
    expect(words(encodeMessage({ ...request, seq: 0, pid: 0 }))).toEqual(words(hex(bytes)));
  });
});
