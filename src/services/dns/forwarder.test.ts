import { beforeEach, describe, expect, test } from "vitest";
import { aRecord, queryMessage, recordOf, soaRecord } from "../../testkit/dns-message.ts";
import { found, ForwarderBench, servers } from "../../testkit/forwarder-bench.ts";
import { encodeMessage, plainEdns, RCODE, TYPE } from "../../wire/dns/index.ts";

const [first, second, third, fourth] = servers;

let bench: ForwarderBench;
beforeEach(() => {
  bench = new ForwarderBench();
});

describe("the query that goes out", () => {
  test("has an id of ours, the client's question and flags, and no EDNS of its own accord", () => {
    bench.ask({ name: "Example.COM", checkingDisabled: true });
    expect(bench.upstream.asked).toEqual([`udp ${first}`]);
    expect(bench.upstream.last.query).toEqual({
      ...queryMessage("Example.COM", TYPE.A, { checkingDisabled: true }),
      id: 100,
      edns: undefined,
    });
  });

  test("carries an OPT record of ours where the client has one, without the client's options", () => {
    const cookie = { code: 10, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    bench.ask({ edns: { ...plainEdns(4096), dnssecOk: true, options: [cookie] } });
    expect(bench.upstream.last.query.edns).toEqual({ ...plainEdns(1232), dnssecOk: true });
  });
});

describe("the answer that comes back", () => {
  test("reaches the client under its own id and in its own spelling", () => {
    const replies = bench.ask({ name: "EXAMPLE.com", id: 0xbeef });
    bench.upstream.last.answer({ ...found, answers: [aRecord("EXAMPLE.com", 300, "198.51.100.1")] });
    expect(replies).toEqual([
      {
        ...queryMessage("EXAMPLE.com", TYPE.A, { id: 0xbeef }),
        response: true,
        recursionAvailable: true,
        answers: [aRecord("EXAMPLE.com", 300, "198.51.100.1")],
        edns: undefined,
      },
    ]);
    expect(bench.upstream.last.open).toBe(false);
    expect(bench.time.pending).toBe(0);
  });

  test("keeps records of types we do not know", () => {
    const odd = recordOf("example.com", 60, { kind: "unknown", type: 4711, bytes: Uint8Array.of(1, 2, 3) });
    const replies = bench.ask({ type: 4711 });
    bench.upstream.last.answer({ answers: [odd] });
    expect(replies[0]?.answers).toEqual([odd]);
  });

  test("is passed over when it fits another query: other id, other name, other type, no answer, scraps", () => {
    const replies = bench.ask();
    const right = { ...bench.upstream.last.query, response: true, ...found };
    const other = queryMessage("example.org", TYPE.A).questions;
    const otherType = queryMessage("example.com", TYPE.AAAA).questions;
    bench.upstream.last.send(encodeMessage({ ...right, id: 99 }));
    bench.upstream.last.send(encodeMessage({ ...right, questions: other, answers: [] }));
    bench.upstream.last.send(encodeMessage({ ...right, questions: otherType, answers: [] }));
    bench.upstream.last.send(encodeMessage({ ...right, questions: [] }));
    bench.upstream.last.send(encodeMessage({ ...right, response: false }));
    bench.upstream.last.send(encodeMessage(right).subarray(0, 20));
    bench.upstream.last.send(new Uint8Array(0));
    expect(replies).toEqual([]);
    expect(bench.upstream.last.open).toBe(true);
    bench.upstream.last.answer(found);
    expect(replies).toHaveLength(1);
  });

  test("is passed on when it says that the name does not exist", () => {
    const replies = bench.ask();
    bench.upstream.last.answer({ rcode: RCODE.NXDOMAIN, authorities: [soaRecord("com", 900, 60)] });
    expect(replies[0]).toMatchObject({ rcode: RCODE.NXDOMAIN, authorities: [{ name: "com" }] });
    expect(bench.upstream.conversations).toHaveLength(1);
  });
});

describe("several servers", () => {
  test("the second is asked after 400 ms of silence, and either may win", () => {
    const replies = bench.ask();
    bench.time.advance(399);
    expect(bench.upstream.asked).toEqual([`udp ${first}`]);
    bench.time.advance(1);
    expect(bench.upstream.asked).toEqual([`udp ${first}`, `udp ${second}`]);
    bench.upstream.conversations[0]?.answer(found);
    expect(replies).toHaveLength(1);
    expect(bench.upstream.conversations.map((c) => c.open)).toEqual([false, false]);
    bench.time.advance(10_000);
    expect(bench.upstream.conversations).toHaveLength(2);
  });

  test.each([RCODE.SERVFAIL, RCODE.REFUSED])(
    "code %i sends the question to the next one at once",
    (rcode) => {
      const replies = bench.ask();
      bench.upstream.last.answer({ rcode });
      expect(bench.upstream.asked).toEqual([`udp ${first}`, `udp ${second}`]);
      bench.upstream.last.answer(found);
      expect(replies[0]?.rcode).toBe(RCODE.NOERROR);
    },
  );

  test("an unreachable one, too", () => {
    bench.ask();
    bench.upstream.last.fail("connect ECONNREFUSED");
    expect(bench.upstream.asked).toEqual([`udp ${first}`, `udp ${second}`]);
  });

  test("all of them failing is SERVFAIL at once, with the reasons in the log", () => {
    const replies = bench.ask();
    bench.upstream.last.answer({ rcode: RCODE.SERVFAIL });
    bench.upstream.last.fail("connect ECONNREFUSED");
    expect(replies[0]).toMatchObject({ rcode: RCODE.SERVFAIL, id: 0x4242, answers: [] });
    expect(bench.warnings).toEqual([
      `upstream: no upstream answer for example.com: ${first}: answered SERVFAIL; ${second}: connect ECONNREFUSED`,
    ]);
    expect(bench.counters.read()).toMatchObject({ forwarded: 1, failed: 1, upstreamQueries: 2 });
    expect(bench.time.pending).toBe(0);
  });

  test("all of them silent is SERVFAIL after 4 s, each asked twice by then", () => {
    const replies = bench.ask();
    bench.time.advance(3999);
    expect(replies).toEqual([]);
    expect(bench.upstream.asked).toEqual([first, second, first, second].map((ip) => `udp ${ip}`));
    bench.time.advance(1);
    expect(replies[0]?.rcode).toBe(RCODE.SERVFAIL);
    expect(bench.warnings[0]).toContain(`${first}: no answer; ${second}: no answer`);
    expect(bench.upstream.conversations.every((c) => !c.open)).toBe(true);
  });

  test("one that has refused is not asked again", () => {
    bench.ask();
    bench.upstream.last.answer({ rcode: RCODE.REFUSED });
    bench.time.advance(3000);
    expect(bench.upstream.asked).toEqual([first, second, second].map((ip) => `udp ${ip}`));
  });

  test("count once each, three at most", () => {
    bench.ask({ servers: [first, first, second, third, fourth] });
    bench.time.advance(3999);
    expect(bench.upstream.asked).toEqual(
      [first, second, third, first, second, third].map((ip) => `udp ${ip}`),
    );
  });
});

describe("truncated answers", () => {
  test("go as they are to who came by UDP", () => {
    const replies = bench.ask();
    bench.upstream.last.answer({ ...found, truncated: true });
    expect(replies[0]).toMatchObject({ truncated: true });
    expect(bench.upstream.asked).toEqual([`udp ${first}`]);
    expect(bench.counters.read().truncated).toBe(1);
  });

  test("are fetched by TCP for who came by TCP", () => {
    const replies = bench.ask({ stream: true });
    bench.upstream.last.answer({ truncated: true });
    expect(bench.upstream.asked).toEqual([`udp ${first}`, `tcp ${first}`]);
    bench.upstream.last.answer(found);
    expect(replies[0]).toMatchObject({ truncated: false, answers: found.answers });
    expect(bench.counters.read().upstreamQueries).toBe(2);
  });

  test("give way to the next server when TCP fails or answers something else", () => {
    const replies = bench.ask({ stream: true });
    bench.upstream.last.answer({ truncated: true });
    bench.upstream.last.fail("reset");
    expect(bench.upstream.asked).toEqual([`udp ${first}`, `tcp ${first}`, `udp ${second}`]);
    bench.upstream.last.answer({ truncated: true });
    bench.upstream.last.answer({ id: 1 });
    expect(replies[0]?.rcode).toBe(RCODE.SERVFAIL);
  });

  test("are not kept; whole ones are, and are cut for clients who cannot take them", () => {
    bench.ask();
    bench.upstream.last.answer({ truncated: true });
    const long = Array.from({ length: 60 }, (_, i) => aRecord("example.com", 300, `198.51.100.${i}`));
    bench.ask({ stream: true });
    bench.upstream.last.answer({ answers: long });
    expect(bench.upstream.conversations).toHaveLength(2);
    const byUdp = bench.ask();
    expect(bench.upstream.conversations).toHaveLength(2);
    expect(byUdp[0]).toMatchObject({ truncated: true, answers: [], rcode: 0 });
    expect(bench.ask({ stream: true })[0]?.answers).toHaveLength(60);
  });
});

test("close() drops everything under way", () => {
  const replies = bench.ask();
  bench.forwarder.close();
  expect(bench.upstream.last.open).toBe(false);
  expect(bench.time.pending).toBe(0);
  bench.time.advance(10_000);
  expect(replies).toEqual([]);
});
