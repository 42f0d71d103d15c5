import { describe, expect, test } from "vitest";
import { parsePublish } from "./publish.ts";

describe("parsePublish()", () => {
  const one = { protocol: "tcp", count: 1, hostIp: undefined, hostPort: undefined };
  test.each([
    ["80", { ...one, containerPort: 80 }],
    ["8080:80", { ...one, containerPort: 80, hostPort: 8080 }],
    ["8080:80/udp", { ...one, protocol: "udp", containerPort: 80, hostPort: 8080 }],
    ["80/UDP", { ...one, protocol: "udp", containerPort: 80 }],
    ["127.0.0.1:8080:80", { ...one, containerPort: 80, hostPort: 8080, hostIp: "127.0.0.1" }],
    ["127.0.0.1::80", { ...one, containerPort: 80, hostIp: "127.0.0.1" }],
    ["[fd00::1]:8080:80", { ...one, containerPort: 80, hostPort: 8080, hostIp: "fd00::1" }],
    ["[::1]:8080:80", { ...one, containerPort: 80, hostPort: 8080, hostIp: "::1" }],
    ["9000:90/sctp", { ...one, protocol: "sctp", containerPort: 90, hostPort: 9000 }],
    ["0:80", { ...one, containerPort: 80 }],
    [":80", { ...one, containerPort: 80 }],
    ["8000-8009:80-89", { ...one, count: 10, containerPort: 80, hostPort: 8000 }],
    ["80-89", { ...one, count: 10, containerPort: 80 }],
    ["0.0.0.0:53:53/udp", { ...one, protocol: "udp", containerPort: 53, hostPort: 53, hostIp: "0.0.0.0" }],
  ])("reads %s", (text, mapping) => {
    expect(parsePublish(text, "publish[0]")).toEqual(mapping);
  });

  test.each([
    ["", "write [HOST-IP:]"],
    ["http:80", "ports are whole numbers"],
    ["80/icmp", "write [HOST-IP:]"],
    ["65536", "up to 65535"],
    ["0", "from 1 to 65535"],
    ["90-80", "a range goes upwards"],
    ["8000-8001:80", "same size"],
    ["300.0.0.1:80:80", "is not an IP address"],
    ["::1:80:80", "write [HOST-IP:]"],
    ["[::1]:80:80/sctp", "publish on 127.0.0.1, or on [::]"],
  ])("refuses %j", (text, why) => {
    expect(() => parsePublish(text, "publish[0]")).toThrow(why);
    expect(() => parsePublish(text, "publish[0]")).toThrow("publish[0]");
  });
});
