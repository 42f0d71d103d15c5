import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, type Subnet } from "../../base/cidr.ts";
import { ipToBigint, type Ip } from "../../base/ip.ts";
import type { EgressPolicy, EgressRule, PortSpan } from "../../model/network.ts";
import { type EgressBox, egressBoxes, egressElements } from "./egress.ts";
import { elementData, elementKey } from "./elements.ts";

const NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
const number = (protocol: string | number): number => NUMBERS[protocol] ?? Number(protocol);

interface Packet {
  readonly to: Ip;
  readonly protocol: number;
  readonly port: number;
}

/** The policy as people read it: the first rule that matches. */
function judged(policy: EgressPolicy, { to, protocol, port }: Packet): EgressRule["action"] {
  const rule = policy.rules.find(
    (one) =>
      contains(one.to, to) &&
      (one.ports.length === 0 ||
        one.ports.some(
          (span) => number(span.protocol) === protocol && span.first <= port && port <= span.last,
        )),
  );
  return rule?.action ?? policy.default;
}

const holds = ({ addresses, protocols, ports }: EgressBox, { to, protocol, port }: Packet): boolean =>
  addresses[0] <= ipToBigint(to) &&
  ipToBigint(to) <= addresses[1] &&
  number(protocols[0]) <= protocol &&
  protocol <= number(protocols[1]) &&
  ports[0] <= port &&
  port <= ports[1];

const action = fc.constantFrom("allow" as const, "deny" as const);
const span: fc.Arbitrary<PortSpan> = fc
  .record({
    protocol: fc.constantFrom("tcp" as const, "udp" as const, "sctp" as const),
    ends: fc.tuple(fc.constantFrom(1, 2, 5, 80, 65_535), fc.constantFrom(1, 2, 5, 80, 65_535)),
  })
  .map(({ protocol, ends }) => ({ protocol, first: Math.min(...ends), last: Math.max(...ends) }));
const to = fc.constantFrom(
  ...["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/31", "10.0.0.1/32", "10.128.0.0/9", "255.255.255.255/32", "::/0"],
) as fc.Arbitrary<Subnet>;
const policies: fc.Arbitrary<EgressPolicy> = fc.record({
  default: action,
  rules: fc.array(fc.record({ action, to, ports: fc.array(span, { maxLength: 3 }) }), { maxLength: 6 }),
});
const packet: fc.Arbitrary<Packet> = fc.record({
  to: fc.constantFrom(
    "0.0.0.0",
    "9.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.0.0.2",
    "10.200.0.1",
    "255.255.255.255",
  ) as fc.Arbitrary<Ip>,
  protocol: fc.constantFrom(0, 1, 6, 17, 33, 50, 132, 133, 255),
  port: fc.constantFrom(0, 1, 2, 3, 5, 6, 79, 80, 81, 65_534, 65_535),
});

describe("egressBoxes()", () => {
  test("at most one box holds a packet, and none means the default", () => {
    fc.assert(
      fc.property(policies, packet, (policy, one) => {
        const found = egressBoxes(policy, 4).filter((box) => holds(box, one));
        expect(found.length).toBeLessThan(2);
        expect(found[0]?.action ?? policy.default).toBe(judged(policy, one));
      }),
      { numRuns: 2_000 },
    );
  });

  test("no box touches another", () => {
    const apart = (a: readonly [number | bigint, number | bigint], b: typeof a): boolean =>
      a[1] < b[0] || b[1] < a[0];
    fc.assert(
      fc.property(policies, (policy) => {
        const boxes = egressBoxes(policy, 4);
        for (const [i, a] of boxes.entries()) {
          for (const b of boxes.slice(i + 1)) {
            const protocols = ([p, q]: EgressBox["protocols"]): [number, number] => [number(p), number(q)];
            expect(
              apart(a.addresses, b.addresses) ||
                apart(protocols(a.protocols), protocols(b.protocols)) ||
                apart(a.ports, b.ports),
            ).toBe(true);
          }
        }
      }),
    );
  });
});

describe("egressElements()", () => {
  const lines = (policy: EgressPolicy, family: 4 | 6): string[] =>
    egressElements("egress", "nd-a", policy, family).map((one) => `${elementKey(one)} : ${elementData(one)}`);
  const rule = (what: EgressRule["action"], where: string, ports: readonly PortSpan[] = []): EgressRule => ({
    action: what,
    to: where as Subnet,
    ports,
  });
  const https: PortSpan = { protocol: "tcp", first: 443, last: 443 };

  test("a whole prefix is one element", () => {
    const policy: EgressPolicy = {
      default: "deny",
      rules: [rule("allow", "10.0.0.0/8"), rule("allow", "fd00::/8")],
    };
    expect(lines(policy, 4)).toEqual([
      "egress nd-a . 10.0.0.0 . 0 . 0 - nd-a . 10.255.255.255 . 255 . 65535 : return",
    ]);
    expect(lines(policy, 6)).toEqual([
      "egress nd-a . fd00:: . 0 . 0 - nd-a . fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff . 255 . 65535 : return",
    ]);
  });

  test("a hole in a prefix cuts it in two", () => {
    const rules = [rule("deny", "10.0.0.0/16"), rule("allow", "10.0.0.0/8", [https])];
    expect(lines({ default: "deny", rules }, 4)).toEqual([
      "egress nd-a . 10.1.0.0 . tcp . 443 - nd-a . 10.255.255.255 . tcp . 443 : return",
    ]);
    expect(lines({ default: "allow", rules }, 4)).toEqual([
      "egress nd-a . 10.0.0.0 . 0 . 0 - nd-a . 10.0.255.255 . 255 . 65535 : drop",
    ]);
  });

  test("what says the same as the default is left out", () => {
    expect(lines({ default: "allow", rules: [rule("allow", "10.0.0.0/8")] }, 4)).toEqual([]);
    expect(lines({ default: "deny", rules: [] }, 4)).toEqual([]);
  });
});
