import { beforeEach, describe, expect, test } from "vitest";
import { aRecord, soaRecord } from "../../testkit/dns-message.ts";
import { found, ForwarderBench, servers, type AskOptions } from "../../testkit/forwarder-bench.ts";
import { RCODE, TYPE, type DnsMessage } from "../../wire/dns/index.ts";

const [first, second] = servers;

let bench: ForwarderBench;
beforeEach(() => {
  bench = new ForwarderBench();
});

describe("equal questions under way", () => {
  test("are asked once, and everyone gets the answer in their own spelling", () => {
    const one = bench.ask({ id: 1, name: "example.com" });
    const two = bench.ask({ id: 2, name: "EXAMPLE.com", sandbox: "s2" });
    expect(bench.upstream.conversations).toHaveLength(1);
    bench.upstream.last.answer(found);
    expect([one[0]?.id, two[0]?.id]).toEqual([1, 2]);
    expect(two[0]?.answers[0]?.name).toBe("EXAMPLE.com");
    expect(bench.counters.read()).toMatchObject({ forwarded: 2, coalesced: 1, upstreamQueries: 1 });
  });

  test.each<[string, AskOptions]>([
    ["other servers", { servers: [second, first] }],
    ["another namespace", { netns: "s1" }],
    ["another type", { type: TYPE.AAAA }],
    ["another class", { class: 255 }],
    ["EDNS", { edns: 4096 }],
    ["other flags", { checkingDisabled: true }],
    ["another name", { name: "example.org" }],
    ["TCP", { stream: true }],
  ])("differ by %s", (_what, options) => {
    bench.ask();
    bench.ask(options);
    expect(bench.upstream.conversations).toHaveLength(2);
  });

  test("are the same whatever UDP size the client takes", () => {
    bench.ask({ edns: 4096 });
    bench.ask({ edns: 1400 });
    expect(bench.upstream.conversations).toHaveLength(1);
  });
});

describe("answers kept", () => {
  test("show the TTL that is left, until none is", () => {
    bench.ask();
    bench.upstream.last.answer({
      answers: [aRecord("example.com", 300, "198.51.100.1"), aRecord("example.com", 30, "198.51.100.2")],
    });
    bench.time.advance(10_500);
    expect(bench.known({ id: 5 })).toMatchObject({
      id: 5,
      answers: [{ ttlSeconds: 290 }, { ttlSeconds: 20 }],
    });
    bench.time.advance(19_000);
    expect(bench.known()?.answers.map((r) => r.ttlSeconds)).toEqual([271, 1]);
    bench.time.advance(500);
    expect(bench.known()).toBeUndefined();
    expect(bench.counters.read().cacheHits).toBe(2);
  });

  test("also say what does not exist, as long as the SOA record allows", () => {
    bench.ask();
    bench.upstream.last.answer({ rcode: RCODE.NXDOMAIN, authorities: [soaRecord("com", 900, 60)] });
    bench.time.advance(59_000);
    expect(bench.known()?.rcode).toBe(RCODE.NXDOMAIN);
    bench.time.advance(1000);
    expect(bench.known()).toBeUndefined();
    // No records of this type: the SOA record's own TTL is the lower bound.
    bench.upstream.last.answer({ authorities: [soaRecord("com", 20, 60)] });
    bench.time.advance(19_000);
    expect(bench.known()?.answers).toEqual([]);
    bench.time.advance(1000);
    expect(bench.known()).toBeUndefined();
  });

  test.each<[string, Partial<DnsMessage>]>([
    ["a TTL of zero", { answers: [aRecord("example.com", 0, "198.51.100.1")] }],
    ["a TTL with its top bit set", { answers: [aRecord("example.com", 0x80000001, "198.51.100.1")] }],
    ["no such name without SOA", { rcode: RCODE.NXDOMAIN }],
    ["an empty answer without SOA", {}],
    ["a server's complaint", { rcode: RCODE.FORMERR }],
    ["a truncated answer", { ...found, truncated: true }],
  ])("are not those with %s", (_what, fields) => {
    bench.ask();
    bench.upstream.last.answer(fields);
    expect(bench.known()).toBeUndefined();
  });

  test("are for the same servers only", () => {
    bench.ask();
    bench.upstream.last.answer(found);
    expect(bench.known({ servers: [second] })).toBeUndefined();
    expect(bench.known({ sandbox: "s2" })?.answers).toHaveLength(1);
  });

  test("are for who asks from the same namespace only: an address may be another server there", () => {
    bench.ask();
    bench.upstream.last.answer(found);
    expect(bench.known({ netns: "s1" })).toBeUndefined();
    expect(bench.netns).toEqual(["host", "s1"]);
  });

  test("last an hour at most and are so many at most", () => {
    bench = new ForwarderBench({ cacheEntries: 2 });
    for (const name of ["a.example", "b.example"]) {
      bench.ask({ name });
      bench.upstream.last.answer({ answers: [aRecord(name, 1_000_000, "198.51.100.1")] });
    }
    // Used: so `b` is the one used longest ago.
    expect(bench.known({ name: "a.example" })).toBeDefined();
    bench.ask({ name: "c.example" });
    bench.upstream.last.answer({ answers: [aRecord("c.example", 1_000_000, "198.51.100.1")] });
    expect(bench.known({ name: "a.example" })).toBeDefined();
    expect(bench.known({ name: "b.example" })).toBeUndefined();
    bench.time.advance(3_600_000);
    expect(bench.known({ name: "a.example" })).toBeUndefined();
  });

  test("are not very long ones", () => {
    bench = new ForwarderBench({ cacheEntryBytes: 512 });
    bench.ask({ stream: true });
    bench.upstream.last.answer({
      answers: Array.from({ length: 40 }, (_, i) => aRecord("example.com", 300, `198.51.100.${i}`)),
    });
    expect(bench.known({ stream: true })).toBeUndefined();
  });
});

describe("limits", () => {
  test("one sandbox too many questions: REFUSED, while others go through", () => {
    bench = new ForwarderBench({ waiting: 10, waitingPerSandbox: 3 });
    for (let i = 0; i < 3; i++) expect(bench.ask({ name: `${i}.example` })).toEqual([]);
    const over = bench.ask({ name: "3.example", id: 9 });
    expect(over[0]).toMatchObject({ id: 9, rcode: RCODE.REFUSED });
    expect(bench.warnings).toEqual(["limit: 3 questions wait for upstream servers: refusing more"]);
    expect(bench.ask({ sandbox: "s2" })).toEqual([]);
    // Room again once an answer is there.
    bench.upstream.conversations[0]?.answer({});
    expect(bench.ask({ name: "3.example" })).toEqual([]);
    expect(bench.counters.read().refused).toBe(1);
  });

  test("all sandboxes together", () => {
    bench = new ForwarderBench({ waiting: 4, waitingPerSandbox: 3 });
    for (let i = 0; i < 4; i++) expect(bench.ask({ sandbox: `s${i}` })).toEqual([]);
    expect(bench.ask({ sandbox: "s9" })[0]?.rcode).toBe(RCODE.REFUSED);
    // Equal questions count as well: it is the askers who take memory.
    expect(bench.upstream.conversations).toHaveLength(1);
    bench.upstream.last.answer(found);
    expect(bench.ask({ sandbox: "s9", name: "example.org" })).toEqual([]);
  });

  test("do not hold for what is known already", () => {
    bench = new ForwarderBench({ waiting: 1, waitingPerSandbox: 1 });
    bench.ask();
    bench.upstream.last.answer(found);
    bench.ask({ name: "slow.example" });
    expect(bench.ask()[0]?.answers).toHaveLength(1);
  });
});
