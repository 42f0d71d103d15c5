import fc from "fast-check";
import type { Ip } from "../../base/ip.ts";
import { describe, expect, test } from "vitest";
import { FLAG, RCODE, TYPE } from "./constants.ts";
import { plainEdns, type Edns } from "./edns.ts";
import { decodeMessage, encodeMessage, type DnsMessage } from "./message.ts";
import { parseDnsName } from "./name.ts";
import { readQuery, type BadQuery, type Query } from "./query.ts";
import { addressReply, emptyReply, udpLimit, type Responder } from "./reply.ts";
import { addressOfReverseName, reverseNameOf } from "./reverse.ts";

/** Gives memory full of 0xa5, so that an octet nobody wrote shows. */
const responder: Responder = { allocate: (size) => new Uint8Array(size).fill(0xa5), udpSize: 1232 };

function question(type: number, edns?: Edns, asked = "Web.Shop"): { message: DnsMessage; query: Query } {
  const message: DnsMessage = {
    id: 0x1234,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    reserved: false,
    authenticData: true,
    checkingDisabled: true,
    rcode: 0,
    questions: [{ name: parseDnsName(asked, "name", "test"), type, class: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns,
  };
  const query = readQuery(encodeMessage(message));
  if (query?.kind !== "query") throw new Error("not a query");
  return { message, query };
}

describe("addressReply()", () => {
  const addresses = ["10.0.0.2", "10.255.0.30", "192.168.100.255"] as Ip[];
  const answer = { family: 4 as const, addresses, first: 0, ttlSeconds: 600, limit: 512 };

  test("is what the codec would write, in the client's spelling", () => {
    const { message, query } = question(TYPE.A);
    expect(query.name).toBe("web.shop");
    const expected: DnsMessage = {
      ...message,
      response: true,
      authoritative: true,
      recursionAvailable: true,
      authenticData: false,
      answers: addresses.map((address) => ({
        name: message.questions[0]!.name,
        class: 1,
        ttlSeconds: 600,
        data: { kind: "A", address },
      })),
    };
    expect(addressReply(query, answer, responder)).toEqual(encodeMessage(expected));
  });

  test("carries EDNS when the query does, with our size and the client's DO", () => {
    const { query } = question(TYPE.AAAA, { ...plainEdns(4096), dnssecOk: true });
    const reply = decodeMessage(
      addressReply(
        query,
        { ...answer, family: 6, addresses: ["fd00::2" as Ip], ttlSeconds: 0x01020304 },
        responder,
      ),
    );
    expect(reply.edns).toEqual({ ...plainEdns(1232), dnssecOk: true });
    expect(reply.answers).toEqual([
      { name: "Web.Shop", class: 1, ttlSeconds: 0x01020304, data: { kind: "AAAA", address: "fd00::2" } },
    ]);
    expect(udpLimit(query)).toBe(4096);
  });

  test("begins at `first` and goes round", () => {
    const { query } = question(TYPE.A);
    const reply = decodeMessage(addressReply(query, { ...answer, first: 2 }, responder));
    expect(reply.answers.map((r) => r.data)).toEqual(
      [addresses[2], addresses[0], addresses[1]].map((address) => ({ kind: "A", address })),
    );
  });

  test("never exceeds the limit, and says when it left addresses out", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 80 }),
        fc.integer({ min: 512, max: 1500 }),
        fc.boolean(),
        fc.boolean(),
        (count, limit, edns, six) => {
          const { query } = question(six ? TYPE.AAAA : TYPE.A, edns ? plainEdns(limit) : undefined);
          const list = Array.from(
            { length: count },
            (_, i) => (six ? `fd00::${i + 1}` : `10.0.0.${i}`) as Ip,
          );
          const bytes = addressReply(
            query,
            { family: six ? 6 : 4, addresses: list, first: 0, ttlSeconds: 600, limit },
            responder,
          );
          const reply = decodeMessage(bytes);
          expect(bytes.length).toBeLessThanOrEqual(limit);
          expect(reply.truncated).toBe(reply.answers.length < count);
          // One more would not have fitted.
          if (reply.truncated) expect(bytes.length + (six ? 28 : 16)).toBeGreaterThan(limit);
        },
      ),
    );
  });
});

describe("emptyReply()", () => {
  test("answers malformed messages by header alone", () => {
    const scrap = Uint8Array.of(0xab, 0xcd, 0x01);
    const bad = readQuery(scrap) as BadQuery;
    expect(Buffer.from(emptyReply(bad, { rcode: bad.rcode, flags: 0 }, responder)).toString("hex")).toBe(
      "abcd81810000000000000000",
    );
  });

  test("puts the upper bits of BADVERS into OPT", () => {
    const { message } = question(TYPE.A);
    const bytes = encodeMessage({ ...message, edns: { ...plainEdns(1232), version: 1 } });
    const bad = readQuery(bytes) as BadQuery;
    expect(bad.rcode).toBe(RCODE.BADVERS);
    const reply = decodeMessage(emptyReply(bad, { rcode: bad.rcode, flags: 0 }, responder));
    expect(reply.rcode).toBe(RCODE.BADVERS);
    expect(reply.edns).toEqual(plainEdns(1232));
    expect(reply.questions).toEqual(message.questions);
  });

  test("sets the flags it is given", () => {
    const { query } = question(TYPE.A);
    const reply = decodeMessage(
      emptyReply(query, { rcode: RCODE.NXDOMAIN, flags: FLAG.TC | FLAG.AA }, responder),
    );
    expect([reply.rcode, reply.truncated, reply.authoritative, reply.recursionAvailable]).toEqual([
      3,
      true,
      true,
      true,
    ]);
  });
});

describe("readQuery()", () => {
  test("leaves responses and scraps without an answer", () => {
    const { message } = question(TYPE.A);
    expect(readQuery(encodeMessage({ ...message, response: true }))).toBeUndefined();
    expect(readQuery(Uint8Array.of(1, 2))).toBeUndefined();
  });

  test("gives each kind of bad message its code", () => {
    const { message } = question(TYPE.A);
    const code = (m: DnsMessage): number | undefined => {
      const query = readQuery(encodeMessage(m));
      return query?.kind === "bad" ? query.rcode : undefined;
    };
    expect(code({ ...message, opcode: 4 })).toBe(RCODE.NOTIMP);
    expect(code({ ...message, questions: [] })).toBe(RCODE.FORMERR);
    expect(code({ ...message, questions: [...message.questions, ...message.questions] })).toBe(RCODE.FORMERR);
    const bytes = encodeMessage(message);
    for (let size = 3; size < bytes.length; size++) {
      const cut = readQuery(bytes.subarray(0, size));
      expect(cut?.kind === "bad" && cut.rcode).toBe(RCODE.FORMERR);
    }
    const trailing = readQuery(Uint8Array.of(...bytes, 0));
    expect(trailing?.kind === "bad" && trailing.rcode).toBe(RCODE.FORMERR);
  });
});

describe("addressOfReverseName()", () => {
  test.each(["10.0.2.10", "0.0.0.0", "255.255.255.255", "fd00::10", "::", "2001:db8:1:2:3:4:5:6"])(
    "reads %s",
    (ip) => {
      expect(addressOfReverseName(reverseNameOf(ip as Ip))).toBe(ip);
    },
  );

  test("knows nothing about zones and malformed names", () => {
    for (const name of [
      "2.0.10.in-addr.arpa",
      "1.2.3.4.5.in-addr.arpa",
      "256.0.0.10.in-addr.arpa",
      "a.0.0.10.in-addr.arpa",
    ]) {
      expect(addressOfReverseName(name)).toBeUndefined();
    }
    for (const name of ["in-addr.arpa", "0.ip6.arpa", `${"10.".repeat(31)}1.ip6.arpa`, "web.shop", "."]) {
      expect(addressOfReverseName(name)).toBeUndefined();
    }
  });
});
