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
    ["8000-8009:80", { ...one, containerPort: 80, hostPort: 8000, hostPortLast: 8009 }],
    ["8000-8009:80-89", { ...one, count: 10, containerPort: 80, hostPort: 8000 }],
    ["80-89", { ...one, count: 10, containerPort: 80 }],
    ["0.0.0.0:53:53/udp", { ...one, protocol: "udp", containerPort: 53, hostPort: 53, hostIp: "0.0.0.0" }],
    [
      "8080:80/udp,from=192.0.2.0/24,from=fd00:2::9",
      { ...one, protocol: "udp", containerPort: 80, hostPort: 8080, from: ["192.0.2.0/24", "fd00:2::9/128"] },
    ],
    // What lies in another says nothing more.
    [
      "80,from=10.1.0.0/16,from=10.0.0.0/8,from=10.0.0.0/8",
      { ...one, containerPort: 80, from: ["10.0.0.0/8"] },
    ],
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
    ["8000-8001:80-82", "same size"],
    ["8000:80-81", "same size"],
    ["300.0.0.1:80:80", "is not an IP address"],
    ["::1:80:80", "write [HOST-IP:]"],
    ["[::1]:80:80/sctp", "publish on 127.0.0.1, or on [::]"],
    ["80,", "write ,from=CIDR"],
    ["80,192.0.2.1", "write ,from=CIDR"],
    ["80,from=", "is not in CIDR form"],
    ["80,from=192.0.2.1/24", "it should be 192.0.2.0/24"],
    ["80,from=localhost", "is not in CIDR form"],
  ])("refuses %j", (text, why) => {
    expect(() => parsePublish(text, "publish[0]")).toThrow(why);
    expect(() => parsePublish(text, "publish[0]")).toThrow("publish[0]");
  });
});
