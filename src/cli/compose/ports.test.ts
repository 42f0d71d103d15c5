import { describe, expect, test } from "vitest";
import { Field } from "./field.ts";
import { publishText, readPort, replicaRoom } from "./ports.ts";
import { parseTree } from "./tree.ts";

function port(yaml: string): ReturnType<typeof readPort> {
  const tree = parseTree({ file: "f.yaml", text: yaml, lookup: () => undefined, onUnset: () => undefined });
  return readPort(new Field("f.yaml", "services.web.ports[0]", tree));
}

const SHORT =
  'write "HOST:CONTAINER" like "8080:80", optionally with a host address and protocol: "127.0.0.1:8080:80/udp"';

describe("readPort()", () => {
  // What `docker compose config` makes of each, in Docker's spelling.
  test.each([
    ["80", "80/tcp"],
    ['"80"', "80/tcp"],
    ['"8080:80"', "8080:80/tcp"],
    ['"8080:80/udp"', "8080:80/udp"],
    ['"8000-8009:80-89"', "8000-8009:80-89/tcp"],
    ['"3000-3005"', "3000-3005/tcp"],
    ['"127.0.0.1:8001:8001"', "127.0.0.1:8001:8001/tcp"],
    ['"127.0.0.1:5000-5010:5000-5010"', "127.0.0.1:5000-5010:5000-5010/tcp"],
    ['"127.0.0.1::80"', "127.0.0.1::80/tcp"],
    ['"[::1]:8080:80"', "[::1]:8080:80/tcp"],
    ['"::1:8080:80"', "[::1]:8080:80/tcp"],
    ["{target: 80}", "80/tcp"],
    ["{target: 80, published: 8080}", "8080:80/tcp"],
    [
      '{target: 80, published: "8080", host_ip: 127.0.0.1, protocol: udp, mode: host}',
      "127.0.0.1:8080:80/udp",
    ],
    ["{target: 80, published: 0, name: x, x-mine: 1}", "80/tcp"],
    ["{target: 5353, protocol: sctp}", "5353/sctp"],
  ])("%s is published as %s", (yaml, expected) => {
    expect(publishText(port(yaml), 1)).toBe(expected);
  });

  test.each([
    ["x", `"x": ${SHORT}`],
    ['"8080:"', `"8080:": ${SHORT}`],
    ['":80"', `":80": ${SHORT}`],
    ['"8080:80/tcp/udp"', `"8080:80/tcp/udp": ${SHORT}`],
    ['"0:80"', `"0:80": ${SHORT}`],
    ['"8080:65536"', `"8080:65536": ${SHORT}`],
    ['"90-80"', `"90-80": ${SHORT}`],
    ["[80]", `[80]: ${SHORT}`],
    ['"8080:80/icmp"', '"8080:80/icmp": the protocol must be tcp, udp or sctp'],
    ['"300.0.0.1:8080:80"', '"300.0.0.1:8080:80": "300.0.0.1" is not an IP address of the host'],
    [
      '"8000-8009:80-85"',
      '"8000-8009:80-85": both ranges must have the same number of ports (10 on the host, 6 in the sandbox)',
    ],
    ["{published: 80}", '{"published":80}: target is missing: the port in the sandbox, like target: 80'],
  ])("refuses %s", (yaml, message) => {
    expect(() => port(yaml)).toThrow(`f.yaml:1: services.web.ports[0]: ${message}`);
  });

  test.each([
    ["{target: 0}", "services.web.ports[0].target: 0: write a whole number from 1 to 65535"],
    ["{target: 80, publish: 8080}", 'services.web.ports[0].publish: unknown key, did you mean "published"?'],
    ["{target: 80, mode: x}", 'services.web.ports[0].mode: "x": write host or ingress'],
    [
      "{target: 80, published: x}",
      'services.web.ports[0].published: "x": write a port or a range of ports like "8080" or "8080-8089"',
    ],
  ])("names the key that is wrong in %s", (yaml, message) => {
    expect(() => port(yaml)).toThrow(`f.yaml:1: ${message}`);
  });
});

test("a published range with one target gives each replica its own port", () => {
  const ranged = port('"8080-8082:80"');
  expect([1, 2, 3].map((replica) => publishText(ranged, replica))).toEqual([
    "8080:80/tcp",
    "8081:80/tcp",
    "8082:80/tcp",
  ]);
  expect(replicaRoom(ranged)).toBe(3);
  expect(replicaRoom(port("80"))).toBe(Number.POSITIVE_INFINITY);
  expect(replicaRoom(port('"8080:80"'))).toBe(1);
  expect(replicaRoom(port('"8080-8081:80-81"'))).toBe(1);
});
