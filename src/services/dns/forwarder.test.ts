import { beforeEach, describe, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import type { SandboxId } from "../../model/ids.ts";
import {
  aRecord,
  queryBytes,
  queryMessage,
  recordOf,
  soaRecord,
  type QueryOptions,
} from "../../testkit/dns-message.ts";
import { ManualTime } from "../../testkit/manual-time.ts";
import { ScriptedUpstream } from "../../testkit/scripted-upstream.ts";
import {
  decodeMessage,
  encodeMessage,
  plainEdns,
  RCODE,
  readQuery,
  TYPE,
  type DnsMessage,
} from "../../wire/dns/index.ts";
import { Forwarder } from "./forwarder.ts";
import { DEFAULT_LIMITS, type ResolverLimits } from "./limits.ts";
import { createCounters, type Counters } from "./metrics.ts";

const [first, second, third, fourth] = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] as Ip[] as [
  Ip,
  Ip,
  Ip,
  Ip,
];

let upstream: ScriptedUpstream;
let time: ManualTime;
let counters: Counters;
let warnings: string[];
let nextId: number;
let forwarder: Forwarder;

function setUp(limits: Partial<ResolverLimits> = {}): void {
  upstream = new ScriptedUpstream();
  time = new ManualTime();
  counters = createCounters();
  warnings = [];
  nextId = 100;
  forwarder = new Forwarder({
    clock: time,
    counters,
    dialer: upstream,
    limits: { ...DEFAULT_LIMITS, ...limits },
    randomId: () => nextId++,
    responder: { allocate: (size) => new Uint8Array(size).fill(0xa5), udpSize: 1232 },
    timers: time,
    warn: (what, message) => void warnings.push(`${what}: ${message}`),
  });
}

beforeEach(() => setUp());

interface AskOptions extends QueryOptions {
  readonly name?: string;
  readonly type?: number;
  readonly servers?: readonly Ip[];
  readonly stream?: boolean;
  readonly sandbox?: string;
}

/** What the asker got; empty while it waits. */
function ask(options: AskOptions = {}): DnsMessage[] {
  const replies: DnsMessage[] = [];
  const query = readQuery(queryBytes(options.name ?? "example.com", options.type ?? TYPE.A, options));
  if (query?.kind !== "query") throw new Error("not a query");
  const limit = options.stream === true ? 65535 : (query.edns?.udpSize ?? 512);
  forwarder.forward(
    {
      sandbox: (options.sandbox ?? "s1") as SandboxId,
      query,
      stream: options.stream ?? false,
      limit,
      reply: (bytes) => void replies.push(decodeMessage(bytes)),
    },
    options.servers ?? [first, second],
  );
  return replies;
}

const found = { answers: [aRecord("example.com", 300, "198.51.100.1")], recursionAvailable: true };

describe("the query that goes out", () => {
  test("has an id of ours, the client's question and flags, and no EDNS of its own accord", () => {
    ask({ name: "Example.COM", checkingDisabled: true });
    expect(upstream.asked).toEqual([`udp ${first}`]);
    expect(upstream.last.query).toEqual({
      ...queryMessage("Example.COM", TYPE.A, { checkingDisabled: true }),
      id: 100,
      edns: undefined,
    });
  });

  test("carries an OPT record of ours where the client has one, without the client's options", () => {
    const cookie = { code: 10, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    ask({ edns: { ...plainEdns(4096), dnssecOk: true, options: [cookie] } });
    expect(upstream.last.query.edns).toEqual({ ...plainEdns(1232), dnssecOk: true });
  });
});

describe("the answer that comes back", () => {
  test("reaches the client under its own id and in its own spelling", () => {
    const replies = ask({ name: "EXAMPLE.com", id: 0xbeef });
    upstream.last.answer({ ...found, answers: [aRecord("EXAMPLE.com", 300, "198.51.100.1")] });
    expect(replies).toEqual([
      {
        ...queryMessage("EXAMPLE.com", TYPE.A, { id: 0xbeef }),
        response: true,
        recursionAvailable: true,
        answers: [aRecord("EXAMPLE.com", 300, "198.51.100.1")],
        edns: undefined,
      },
    ]);
    expect(upstream.last.open).toBe(false);
    expect(time.pending).toBe(0);
  });

  test("keeps records of types we do not know", () => {
    const odd = recordOf("example.com", 60, { kind: "unknown", type: 4711, bytes: Uint8Array.of(1, 2, 3) });
    const replies = ask({ type: 4711 });
    upstream.last.answer({ answers: [odd] });
    expect(replies[0]?.answers).toEqual([odd]);
  });

  test("is passed over when it fits another query: other id, other name, other type, no answer, scraps", () => {
    const replies = ask();
    const right = { ...upstream.last.query, response: true, ...found };
    const other = queryMessage("example.org", TYPE.A).questions;
    const otherType = queryMessage("example.com", TYPE.AAAA).questions;
    upstream.last.send(encodeMessage({ ...right, id: 99 }));
    upstream.last.send(encodeMessage({ ...right, questions: other, answers: [] }));
    upstream.last.send(encodeMessage({ ...right, questions: otherType, answers: [] }));
    upstream.last.send(encodeMessage({ ...right, questions: [] }));
    upstream.last.send(encodeMessage({ ...right, response: false }));
    upstream.last.send(encodeMessage(right).subarray(0, 20));
    upstream.last.send(new Uint8Array(0));
    expect(replies).toEqual([]);
    expect(upstream.last.open).toBe(true);
    upstream.last.answer(found);
    expect(replies).toHaveLength(1);
  });

  test("is passed on when it says that the name does not exist", () => {
    const replies = ask();
    upstream.last.answer({ rcode: RCODE.NXDOMAIN, authorities: [soaRecord("com", 900, 60)] });
    expect(replies[0]).toMatchObject({ rcode: RCODE.NXDOMAIN, authorities: [{ name: "com" }] });
    expect(upstream.conversations).toHaveLength(1);
  });
});

describe("several servers", () => {
  test("the second is asked after 400 ms of silence, and either may win", () => {
    const replies = ask();
    time.advance(399);
    expect(upstream.asked).toEqual([`udp ${first}`]);
    time.advance(1);
    expect(upstream.asked).toEqual([`udp ${first}`, `udp ${second}`]);
    upstream.conversations[0]?.answer(found);
    expect(replies).toHaveLength(1);
    expect(upstream.conversations.map((c) => c.open)).toEqual([false, false]);
    time.advance(10_000);
    expect(upstream.conversations).toHaveLength(2);
  });

  test.each([RCODE.SERVFAIL, RCODE.REFUSED])(
    "code %i sends the question to the next one at once",
    (rcode) => {
      const replies = ask();
      upstream.last.answer({ rcode });
      expect(upstream.asked).toEqual([`udp ${first}`, `udp ${second}`]);
      upstream.last.answer(found);
      expect(replies[0]?.rcode).toBe(RCODE.NOERROR);
    },
  );

  test("an unreachable one, too", () => {
    ask();
    upstream.last.fail("connect ECONNREFUSED");
    expect(upstream.asked).toEqual([`udp ${first}`, `udp ${second}`]);
  });

  test("all of them failing is SERVFAIL at once, with the reasons in the log", () => {
    const replies = ask();
    upstream.last.answer({ rcode: RCODE.SERVFAIL });
    upstream.last.fail("connect ECONNREFUSED");
    expect(replies[0]).toMatchObject({ rcode: RCODE.SERVFAIL, id: 0x4242, answers: [] });
    expect(warnings).toEqual([
      `upstream: no upstream answer for example.com: ${first}: answered SERVFAIL; ${second}: connect ECONNREFUSED`,
    ]);
    expect(counters).toMatchObject({ forwarded: 1, failed: 1, upstreamQueries: 2 });
    expect(time.pending).toBe(0);
  });

  test("all of them silent is SERVFAIL after 4 s, each asked twice by then", () => {
    const replies = ask();
    time.advance(3999);
    expect(replies).toEqual([]);
    expect(upstream.asked).toEqual([first, second, first, second].map((ip) => `udp ${ip}`));
    time.advance(1);
    expect(replies[0]?.rcode).toBe(RCODE.SERVFAIL);
    expect(warnings[0]).toContain(`${first}: no answer; ${second}: no answer`);
    expect(upstream.conversations.every((c) => !c.open)).toBe(true);
  });

  test("one that has refused is not asked again", () => {
    ask();
    upstream.last.answer({ rcode: RCODE.REFUSED });
    time.advance(3000);
    expect(upstream.asked).toEqual([first, second, second].map((ip) => `udp ${ip}`));
  });

  test("count once each, three at most", () => {
    ask({ servers: [first, first, second, third, fourth] });
    time.advance(3999);
    expect(upstream.asked).toEqual([first, second, third, first, second, third].map((ip) => `udp ${ip}`));
  });
});

describe("truncated answers", () => {
  test("go as they are to who came by UDP", () => {
    const replies = ask();
    upstream.last.answer({ ...found, truncated: true });
    expect(replies[0]).toMatchObject({ truncated: true });
    expect(upstream.asked).toEqual([`udp ${first}`]);
    expect(counters.truncated).toBe(1);
  });

  test("are fetched by TCP for who came by TCP", () => {
    const replies = ask({ stream: true });
    upstream.last.answer({ truncated: true });
    expect(upstream.asked).toEqual([`udp ${first}`, `tcp ${first}`]);
    upstream.last.answer(found);
    expect(replies[0]).toMatchObject({ truncated: false, answers: found.answers });
    expect(counters.upstreamQueries).toBe(2);
  });

  test("give way to the next server when TCP fails or answers something else", () => {
    const replies = ask({ stream: true });
    upstream.last.answer({ truncated: true });
    upstream.last.fail("reset");
    expect(upstream.asked).toEqual([`udp ${first}`, `tcp ${first}`, `udp ${second}`]);
    upstream.last.answer({ truncated: true });
    upstream.last.answer({ id: 1 });
    expect(replies[0]?.rcode).toBe(RCODE.SERVFAIL);
  });

  test("are not kept; whole ones are, and are cut for clients who cannot take them", () => {
    ask();
    upstream.last.answer({ truncated: true });
    const long = Array.from({ length: 60 }, (_, i) => aRecord("example.com", 300, `198.51.100.${i}`));
    ask({ stream: true });
    upstream.last.answer({ answers: long });
    expect(upstream.conversations).toHaveLength(2);
    const byUdp = ask();
    expect(upstream.conversations).toHaveLength(2);
    expect(byUdp[0]).toMatchObject({ truncated: true, answers: [], rcode: 0 });
    expect(ask({ stream: true })[0]?.answers).toHaveLength(60);
  });
});

describe("equal questions under way", () => {
  test("are asked once, and everyone gets the answer in their own spelling", () => {
    const one = ask({ id: 1, name: "example.com" });
    const two = ask({ id: 2, name: "EXAMPLE.com", sandbox: "s2" });
    expect(upstream.conversations).toHaveLength(1);
    upstream.last.answer(found);
    expect([one[0]?.id, two[0]?.id]).toEqual([1, 2]);
    expect(two[0]?.answers[0]?.name).toBe("EXAMPLE.com");
    expect(counters).toMatchObject({ forwarded: 2, coalesced: 1, upstreamQueries: 1 });
  });

  test.each<[string, AskOptions]>([
    ["other servers", { servers: [second, first] }],
    ["another type", { type: TYPE.AAAA }],
    ["another class", { class: 255 }],
    ["EDNS", { edns: 4096 }],
    ["other flags", { checkingDisabled: true }],
    ["another name", { name: "example.org" }],
    ["TCP", { stream: true }],
  ])("differ by %s", (_what, options) => {
    ask();
    ask(options);
    expect(upstream.conversations).toHaveLength(2);
  });

  test("are the same whatever UDP size the client takes", () => {
    ask({ edns: 4096 });
    ask({ edns: 1400 });
    expect(upstream.conversations).toHaveLength(1);
  });
});

describe("answers kept", () => {
  const again = (options: AskOptions = {}): DnsMessage | undefined => {
    const before = upstream.conversations.length;
    const [reply] = ask(options);
    return upstream.conversations.length === before ? reply : undefined;
  };

  test("show the TTL that is left, until none is", () => {
    ask();
    upstream.last.answer({
      answers: [aRecord("example.com", 300, "198.51.100.1"), aRecord("example.com", 30, "198.51.100.2")],
    });
    time.advance(10_500);
    expect(again({ id: 5 })).toMatchObject({ id: 5, answers: [{ ttlSeconds: 290 }, { ttlSeconds: 20 }] });
    time.advance(19_000);
    expect(again()?.answers.map((r) => r.ttlSeconds)).toEqual([271, 1]);
    time.advance(500);
    expect(again()).toBeUndefined();
    expect(counters.cacheHits).toBe(2);
  });

  test("also say what does not exist, as long as the SOA record allows", () => {
    ask();
    upstream.last.answer({ rcode: RCODE.NXDOMAIN, authorities: [soaRecord("com", 900, 60)] });
    time.advance(59_000);
    expect(again()?.rcode).toBe(RCODE.NXDOMAIN);
    time.advance(1000);
    expect(again()).toBeUndefined();
    // No records of this type: the SOA record's own TTL is the lower bound.
    upstream.last.answer({ authorities: [soaRecord("com", 20, 60)] });
    time.advance(19_000);
    expect(again()?.answers).toEqual([]);
    time.advance(1000);
    expect(again()).toBeUndefined();
  });

  test.each<[string, Partial<DnsMessage>]>([
    ["a TTL of zero", { answers: [aRecord("example.com", 0, "198.51.100.1")] }],
    ["a TTL with its top bit set", { answers: [aRecord("example.com", 0x80000001, "198.51.100.1")] }],
    ["no such name without SOA", { rcode: RCODE.NXDOMAIN }],
    ["an empty answer without SOA", {}],
    ["a server's complaint", { rcode: RCODE.FORMERR }],
    ["a truncated answer", { ...found, truncated: true }],
  ])("are not those with %s", (_what, fields) => {
    ask();
    upstream.last.answer(fields);
    expect(again()).toBeUndefined();
  });

  test("are for the same servers only", () => {
    ask();
    upstream.last.answer(found);
    expect(again({ servers: [second] })).toBeUndefined();
    expect(again({ sandbox: "s2" })?.answers).toHaveLength(1);
  });

  test("last an hour at most and are so many at most", () => {
    setUp({ cacheEntries: 2 });
    for (const name of ["a.example", "b.example"]) {
      ask({ name });
      upstream.last.answer({ answers: [aRecord(name, 1_000_000, "198.51.100.1")] });
    }
    // Used: so `b` is the one used longest ago.
    expect(again({ name: "a.example" })).toBeDefined();
    ask({ name: "c.example" });
    upstream.last.answer({ answers: [aRecord("c.example", 1_000_000, "198.51.100.1")] });
    expect(again({ name: "a.example" })).toBeDefined();
    expect(again({ name: "b.example" })).toBeUndefined();
    time.advance(3_600_000);
    expect(again({ name: "a.example" })).toBeUndefined();
  });

  test("are not very long ones", () => {
    setUp({ cacheEntryBytes: 512 });
    ask({ stream: true });
    upstream.last.answer({
      answers: Array.from({ length: 40 }, (_, i) => aRecord("example.com", 300, `198.51.100.${i}`)),
    });
    expect(again({ stream: true })).toBeUndefined();
  });
});

describe("limits", () => {
  test("one sandbox too many questions: REFUSED, while others go through", () => {
    setUp({ waiting: 10, waitingPerSandbox: 3 });
    for (let i = 0; i < 3; i++) expect(ask({ name: `${i}.example` })).toEqual([]);
    const over = ask({ name: "3.example", id: 9 });
    expect(over[0]).toMatchObject({ id: 9, rcode: RCODE.REFUSED });
    expect(warnings).toEqual(["limit: 3 questions wait for upstream servers: refusing more"]);
    expect(ask({ sandbox: "s2" })).toEqual([]);
    // Room again once an answer is there.
    upstream.conversations[0]?.answer({});
    expect(ask({ name: "3.example" })).toEqual([]);
    expect(counters.refused).toBe(1);
  });

  test("all sandboxes together", () => {
    setUp({ waiting: 4, waitingPerSandbox: 3 });
    for (let i = 0; i < 4; i++) expect(ask({ sandbox: `s${i}` })).toEqual([]);
    expect(ask({ sandbox: "s9" })[0]?.rcode).toBe(RCODE.REFUSED);
    // Equal questions count as well: it is the askers who take memory.
    expect(upstream.conversations).toHaveLength(1);
    upstream.last.answer(found);
    expect(ask({ sandbox: "s9", name: "example.org" })).toEqual([]);
  });

  test("do not hold for what is known already", () => {
    setUp({ waiting: 1, waitingPerSandbox: 1 });
    ask();
    upstream.last.answer(found);
    ask({ name: "slow.example" });
    expect(ask()[0]?.answers).toHaveLength(1);
  });
});

test("close() drops everything under way", () => {
  const replies = ask();
  forwarder.close();
  expect(upstream.last.open).toBe(false);
  expect(time.pending).toBe(0);
  time.advance(10_000);
  expect(replies).toEqual([]);
});
