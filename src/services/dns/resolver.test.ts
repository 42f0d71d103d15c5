import { beforeEach, describe, expect, test } from "vitest";
import type { SandboxId } from "../../model/ids.ts";
import { queryBytes, queryMessage } from "../../testkit/dns-message.ts";
import { ManualTime } from "../../testkit/manual-time.ts";
import { FixedNames } from "../../testkit/names.ts";
import { ScriptedUpstream } from "../../testkit/scripted-upstream.ts";
import {
  CLASS,
  decodeMessage,
  encodeMessage,
  plainEdns,
  RCODE,
  TYPE,
  type DnsMessage,
} from "../../wire/dns/index.ts";
import { Forwarder } from "./forwarder.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { type Counters, newCounters } from "./metrics.ts";
import { Resolver } from "./resolver.ts";

const sandbox = "s1" as SandboxId;

let names: FixedNames;
let upstream: ScriptedUpstream;
let counters: Counters;
let warnings: string[];
let resolver: Resolver;

beforeEach(() => {
  names = new FixedNames(
    {
      web: ["10.0.0.2", "10.0.0.3", "10.0.0.4", "fd00::2"],
      v4only: ["10.0.0.9"],
      bare: [],
      "web.shop.example": ["10.0.0.5"],
      "a\\032b": ["10.0.0.6"],
    },
    ["192.0.2.53"],
  );
  upstream = new ScriptedUpstream();
  counters = newCounters();
  warnings = [];
  const time = new ManualTime();
  const responder = { allocate: (size: number) => new Uint8Array(size).fill(0xa5), udpSize: 1232 };
  const warn = (what: string, message: string): void => void warnings.push(`${what}: ${message}`);
  const limits = DEFAULT_LIMITS;
  const randomId = (): number => 7;
  const forwarder = new Forwarder({
    clock: time,
    dialerIn: () => upstream,
    limits,
    randomId,
    responder,
    timers: time,
    warn,
  });
  resolver = new Resolver({ forwarder, limits, names, responder, warn });
});

/** The reply's bytes; undefined when there is none (yet). */
function send(bytes: Uint8Array, stream = false): Uint8Array | undefined {
  let got: Uint8Array | undefined;
  const later = () => (reply: Uint8Array) => {
    expect(got).toBeUndefined();
    got = reply;
  };
  return resolver.handle(bytes, { sandbox, counters, stream, later }) ?? got;
}

function ask(...args: Parameters<typeof queryBytes>): DnsMessage | undefined {
  const reply = send(queryBytes(...args));
  return reply === undefined ? undefined : decodeMessage(reply);
}

const addressesIn = (reply: DnsMessage | undefined): string[] =>
  (reply?.answers ?? []).map((record) => ("address" in record.data ? record.data.address : record.data.kind));

const compareText = (a: string | undefined, b: string | undefined): number =>
  (a ?? "") < (b ?? "") ? -1 : 1;

describe("names of ours", () => {
  test("answer with the family asked for, TTL 600, authoritative, in the client's spelling", () => {
    const reply = ask("Web.", TYPE.AAAA);
    expect(reply).toMatchObject({
      id: 0x4242,
      response: true,
      authoritative: true,
      recursionDesired: true,
      recursionAvailable: true,
      rcode: 0,
      questions: [{ name: "Web", type: TYPE.AAAA, class: 1 }],
      answers: [{ name: "Web", ttlSeconds: 600, data: { kind: "AAAA", address: "fd00::2" } }],
    });
    expect(upstream.conversations).toEqual([]);
    expect(counters.read()).toMatchObject({ queries: 1, local: 1, forwarded: 0 });
  });

  test("take turns in coming first", () => {
    const firsts = Array.from({ length: 6 }, () => addressesIn(ask("web"))[0]);
    expect(firsts.toSorted(compareText)).toEqual([
      "10.0.0.2",
      "10.0.0.2",
      "10.0.0.3",
      "10.0.0.3",
      "10.0.0.4",
      "10.0.0.4",
    ]);
    expect(new Set(firsts.slice(0, 3)).size).toBe(3);
  });

  test("are found in any case, with dots, and with octets that need escapes", () => {
    expect(addressesIn(ask("WEB.Shop.EXAMPLE"))).toEqual(["10.0.0.5"]);
    expect(addressesIn(ask("A\\032b"))).toEqual(["10.0.0.6"]);
  });

  test("change when the source does: nothing is remembered", () => {
    expect(addressesIn(ask("v4only"))).toEqual(["10.0.0.9"]);
    names.names.set("v4only", ["10.0.0.99" as never]);
    expect(addressesIn(ask("v4only"))).toEqual(["10.0.0.99"]);
  });

  test.each([
    ["an address of the other family", "v4only", TYPE.AAAA],
    ["a name without addresses", "bare", TYPE.A],
    ["MX", "web", TYPE.MX],
    ["SRV", "web", TYPE.SRV],
    ["TXT", "web", TYPE.TXT],
    ["HTTPS", "web", TYPE.HTTPS],
    ["a type nobody knows", "web", 65432],
    ["PTR of a name that is no reverse name", "web", TYPE.PTR],
  ])("have nothing of %s, and nobody outside is asked", (_what, name, type) => {
    const reply = ask(name, type);
    expect(reply).toMatchObject({ rcode: RCODE.NOERROR, answers: [], authorities: [], authoritative: true });
    expect(upstream.conversations).toEqual([]);
  });

  test("answer ANY with one set of addresses", () => {
    expect(addressesIn(ask("web", TYPE.ANY)).toSorted(compareText)).toEqual([
      "10.0.0.2",
      "10.0.0.3",
      "10.0.0.4",
    ]);
    names.names.set("six", ["fd00::6" as never]);
    expect(addressesIn(ask("six", TYPE.ANY))).toEqual(["fd00::6"]);
    expect(addressesIn(ask("web", TYPE.A, { class: CLASS.ANY }))).toHaveLength(3);
  });

  test("are cut to what a client takes by UDP, and whole by TCP", () => {
    const many = Array.from({ length: 100 }, (_, i) => `10.1.0.${i}` as never);
    names.names.set("many", many);
    const plain = send(queryBytes("many"))!;
    expect(plain.length).toBeLessThanOrEqual(512);
    expect(decodeMessage(plain)).toMatchObject({ truncated: true });
    expect(counters.read().truncated).toBe(1);
    const edns = decodeMessage(send(queryBytes("many", TYPE.A, { edns: 4096 }))!);
    expect([edns.truncated, edns.answers.length, edns.edns?.udpSize]).toEqual([false, 100, 1232]);
    const stream = decodeMessage(send(queryBytes("many"), true)!);
    expect([stream.truncated, stream.answers.length]).toEqual([false, 100]);
    // A client that says it takes more than we send by UDP in any case.
    names.names.set(
      "huge",
      Array.from({ length: 400 }, (_, i) => `10.1.${i >> 8}.${i & 255}` as never),
    );
    expect(send(queryBytes("huge", TYPE.A, { edns: 65535 }))!.length).toBeLessThanOrEqual(
      DEFAULT_LIMITS.maxUdpReply,
    );
  });
});

describe("addresses of ours", () => {
  test("answer PTR with the full name", () => {
    const reply = ask("9.0.0.10.IN-ADDR.arpa", TYPE.PTR, { edns: { ...plainEdns(1400), dnssecOk: true } });
    expect(reply?.answers).toEqual([
      {
        name: "9.0.0.10.IN-ADDR.arpa",
        class: 1,
        ttlSeconds: 600,
        data: { kind: "PTR", target: "v4only.net" },
      },
    ]);
    expect(reply?.edns).toEqual({ ...plainEdns(1232), dnssecOk: true });
    expect([reply?.authoritative, reply?.recursionAvailable]).toEqual([true, true]);
    const six = `2${".0".repeat(29)}.d.f.ip6.arpa`;
    expect(ask(six, TYPE.PTR)?.answers[0]?.data).toEqual({ kind: "PTR", target: "web.net" });
  });

  test("leave other addresses to the servers outside", () => {
    expect(ask("1.1.1.1.in-addr.arpa", TYPE.PTR)).toBeUndefined();
    expect(upstream.asked).toEqual(["udp 192.0.2.53"]);
  });
});

describe("names not ours", () => {
  test("go outside, single labels too", () => {
    expect(ask("example.com")).toBeUndefined();
    expect(ask("unknown")).toBeUndefined();
    expect(upstream.conversations.map((c) => c.query.questions[0]?.name)).toEqual(["example.com", "unknown"]);
    expect(counters.read().forwarded).toBe(2);
  });

  test("of one label stay inside where somebody has set ndots; other names and types go out", () => {
    names.ndots = true;
    for (const type of [TYPE.A, TYPE.AAAA]) {
      expect(ask("unknown", type)).toMatchObject({ rcode: RCODE.NOERROR, answers: [], authoritative: false });
    }
    expect(counters.read().denied).toBe(2);
    expect(upstream.conversations).toEqual([]);
    expect([ask("unknown", TYPE.MX), ask(".", TYPE.A), ask("example.com")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(upstream.conversations).toHaveLength(3);
    expect(addressesIn(ask("v4only"))).toEqual(["10.0.0.9"]);
  });

  test("do not exist for a sandbox that may not ask outside", () => {
    names.upstreamServers = [];
    expect(ask("example.com")).toMatchObject({
      rcode: RCODE.NXDOMAIN,
      authoritative: false,
      authorities: [],
    });
    expect(counters.read().denied).toBe(1);
    expect(addressesIn(ask("v4only"))).toEqual(["10.0.0.9"]);
  });
});

describe("what is refused", () => {
  test.each([
    ["Chaosnet", "version.bind", TYPE.TXT, CLASS.CH],
    ["a zone transfer", "web", TYPE.AXFR, CLASS.IN],
    ["an incremental zone transfer", "example.com", TYPE.IXFR, CLASS.IN],
  ])("%s", (_what, name, type, klass) => {
    expect(ask(name, type, { class: klass })?.rcode).toBe(RCODE.REFUSED);
    expect(upstream.conversations).toEqual([]);
    expect(counters.read().refused).toBe(1);
  });

  test("malformed messages, by code where there is an id to send it back under", () => {
    const code = (bytes: Uint8Array): number | undefined => {
      const reply = send(bytes);
      return reply === undefined ? undefined : decodeMessage(reply).rcode;
    };
    const good = queryMessage("web", TYPE.A);
    expect(code(encodeMessage({ ...good, opcode: 2 }))).toBe(RCODE.NOTIMP);
    expect(code(encodeMessage({ ...good, opcode: 5 }))).toBe(RCODE.NOTIMP);
    expect(code(encodeMessage({ ...good, questions: [] }))).toBe(RCODE.FORMERR);
    expect(code(queryBytes("web").subarray(0, 14))).toBe(RCODE.FORMERR);
    expect(code(Uint8Array.of(1, 2, 1))).toBe(RCODE.FORMERR);
    expect(code(encodeMessage({ ...good, edns: { ...plainEdns(1232), version: 1 } }))).toBe(RCODE.BADVERS);
    expect(code(Uint8Array.of(1, 2))).toBeUndefined();
    expect(code(encodeMessage({ ...good, response: true }))).toBeUndefined();
    expect(code(new Uint8Array(0))).toBeUndefined();
    expect(counters.read()).toMatchObject({ queries: 9, malformed: 9, local: 0 });
  });
});

test("a fault of the name source is SERVFAIL to the client and a warning to the operator", () => {
  names.lookup = () => {
    throw new Error("the source broke");
  };
  expect(ask("web")?.rcode).toBe(RCODE.SERVFAIL);
  expect(warnings).toEqual(["fault: web: the source broke"]);
  expect(counters.read().failed).toBe(1);
});
