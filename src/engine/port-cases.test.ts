import { describe, expect, test } from "vitest";
import { soundMachine } from "../testkit/sound-machine.ts";
import { parseIp } from "../base/ip.ts";
import { pictureOf } from "../testkit/soundness.ts";

/** The situations of Docker's TestAddPortMappings, each by the whole engine on a machine in memory. */
const home = soundMachine();

const BRIDGE = "com.docker.network.bridge";
/** The first number that the host finds free: the sandbox's resolver has the one before. */
const FREE = 49_154;

interface Row {
  readonly publish: readonly string[];
  /** Families of the network; both where absent. */
  readonly families?: "4" | "6";
  /** Gateway modes of IPv4 and IPv6; `nat` where absent. */
  readonly modes?: readonly [string, string];
  /** The network's host binding. */
  readonly binding?: string;
  readonly hostWithoutIpv6?: true;
  /** What other processes hold: `0.0.0.0 80/tcp`. */
  readonly busy?: readonly string[];
}

async function publish(row: Row): Promise<void> {
  const { families = "46", modes = ["nat", "nat"], binding } = row;
  home.boot.host.ipv6 = row.hostWithoutIpv6 !== true;
  for (const text of row.busy ?? []) {
    const [ip = "", port = "", protocol = ""] = text.split(/[ /]/);
    home.boot.host.busyPorts.push({ ip: parseIp(ip), port: Number(port), protocol });
  }
  await home.boot.engine.createNetwork({
    name: "n",
    enableIPv4: families.includes("4"),
    enableIPv6: families.includes("6"),
    ipam: {
      config: [{ subnet: "10.9.0.0/24" }, { subnet: "fd09::/64" }].filter(({ subnet }) =>
        families.includes(subnet.includes(":") ? "6" : "4"),
      ),
    },
    options: {
      [`${BRIDGE}.gateway_mode_ipv4`]: modes[0],
      [`${BRIDGE}.gateway_mode_ipv6`]: modes[1],
      ...(binding === undefined ? {} : { [`${BRIDGE}.host_binding_ipv4`]: binding }),
    },
  });
  await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "n" }], publish: row.publish });
}

/** Each binding as `HOST-IP:PORT → PORT`, with what leads there: rules of the table, the proxy, or both. */
function bindings(): string[] {
  return home.boot.engine
    .sandbox("s")
    .bindings.map(({ hostIp, hostPort, containerPort, count, protocol }) => {
      const span = (first: number): string => (count === 1 ? `${first}` : `${first}-${first + count - 1}`);
      const served = home.boot.host.servedPorts.some((text) =>
        text.startsWith(`${hostIp}:${hostPort}/${protocol} →`),
      );
      const host = hostIp.includes(":") ? `[${hostIp}]` : hostIp;
      const at = hostPort === 0 ? "open" : `${host}:${span(hostPort)}`;
      return `${at} → ${span(containerPort)}/${protocol}${served ? " proxy" : ""}`;
    });
}

describe("what is published", () => {
  test.each<[string, Row, readonly string[]]>([
    [
      "one port, in both families",
      { publish: ["8080:80"] },
      ["0.0.0.0:8080 → 80/tcp", "[::]:8080 → 80/tcp proxy"],
    ],
    [
      "a port nobody chose: the same number in both families",
      { publish: ["80"] },
      [`0.0.0.0:${FREE} → 80/tcp`, `[::]:${FREE} → 80/tcp proxy`],
    ],
    [
      "several ports, chosen and not, TCP and UDP",
      { publish: ["8080:80", "53:53/udp", "443"] },
      [
        "0.0.0.0:8080 → 80/tcp",
        "[::]:8080 → 80/tcp proxy",
        "0.0.0.0:53 → 53/udp",
        "[::]:53 → 53/udp proxy",
        `0.0.0.0:${FREE} → 443/tcp`,
        `[::]:${FREE} → 443/tcp proxy`,
      ],
    ],
    [
      "one number for TCP, UDP and SCTP",
      { publish: ["80:80", "80:80/udp", "80:80/sctp"] },
      ["tcp", "udp", "sctp"].flatMap((protocol) => [
        `0.0.0.0:80 → 80/${protocol}`,
        `[::]:80 → 80/${protocol}${protocol === "sctp" ? "" : " proxy"}`,
      ]),
    ],
    [
      "one port of the sandbox at several of the host's, chosen",
      { publish: ["8080:80", "8081:80"] },
      [
        "0.0.0.0:8080 → 80/tcp",
        "[::]:8080 → 80/tcp proxy",
        "0.0.0.0:8081 → 80/tcp",
        "[::]:8081 → 80/tcp proxy",
      ],
    ],
    [
      "one port of the sandbox at several of the host's, not chosen",
      { publish: ["80", "80"], families: "4", hostWithoutIpv6: true },
      [`0.0.0.0:${FREE} → 80/tcp`, `0.0.0.0:${FREE + 1} → 80/tcp`],
    ],
    [
      "a range on both sides, the same ports",
      { publish: ["8000-8003:8000-8003"] },
      ["0.0.0.0:8000-8003 → 8000-8003/tcp", "[::]:8000-8003 → 8000-8003/tcp proxy"],
    ],
    [
      "a range on both sides, other ports",
      { publish: ["8000-8003:80-83"] },
      ["0.0.0.0:8000-8003 → 80-83/tcp", "[::]:8000-8003 → 80-83/tcp proxy"],
    ],
    [
      "a range of the sandbox's at free ports of the host, next to each other",
      { publish: ["80-83"] },
      [`0.0.0.0:${FREE}-${FREE + 3} → 80-83/tcp`, `[::]:${FREE}-${FREE + 3} → 80-83/tcp proxy`],
    ],
    [
      "one port at the first of a range of the host's",
      { publish: ["8080-8083:80"] },
      ["0.0.0.0:8080 → 80/tcp", "[::]:8080 → 80/tcp proxy"],
    ],
    [
      "one port at the first free of a range of the host's",
      { publish: ["8080-8083:80"], busy: ["0.0.0.0 8080/tcp", "0.0.0.0 8081/tcp"] },
      ["0.0.0.0:8082 → 80/tcp", "[::]:8082 → 80/tcp proxy"],
    ],
    [
      "one port at the first of a range that is free in both families",
      { publish: ["8080-8083:80"], busy: ["0.0.0.0 8080/tcp", ":: 8081/tcp"] },
      ["0.0.0.0:8082 → 80/tcp", "[::]:8082 → 80/tcp proxy"],
    ],
    [
      "several ports that share a range of the host's",
      { publish: ["8080-8082:80", "8080-8082:81", "8080-8082:82"], families: "4", hostWithoutIpv6: true },
      ["0.0.0.0:8080 → 80/tcp", "0.0.0.0:8081 → 81/tcp", "0.0.0.0:8082 → 82/tcp"],
    ],
    [
      "ranges that overlap each other and a chosen port before them",
      {
        publish: ["8080:80", "8080-8081:81", "8079-8083:82", "8081-8083:83/udp"],
        families: "4",
        hostWithoutIpv6: true,
      },
      ["0.0.0.0:8080 → 80/tcp", "0.0.0.0:8081 → 81/tcp", "0.0.0.0:8079 → 82/tcp", "0.0.0.0:8081 → 83/udp"],
    ],
    [
      "a number that is busy on IPv6 only: the next one, in both",
      { publish: ["80"], busy: [`:: ${FREE}/tcp`] },
      [`0.0.0.0:${FREE + 1} → 80/tcp`, `[::]:${FREE + 1} → 80/tcp proxy`],
    ],
    [
      "several numbers that are busy one after the other",
      { publish: ["80"], busy: [0, 1, 2, 3].map((i) => `:: ${FREE + i}/tcp`) },
      [`0.0.0.0:${FREE + 4} → 80/tcp`, `[::]:${FREE + 4} → 80/tcp proxy`],
    ],
    ["one IPv4 address of the host", { publish: ["192.0.2.1:8080:80"] }, ["192.0.2.1:8080 → 80/tcp"]],
    ["one IPv6 address of the host", { publish: ["[fd00::1]:8080:80"] }, ["[fd00::1]:8080 → 80/tcp"]],
    [
      "an address of each family, the same number",
      { publish: ["192.0.2.1:8080:80", "[fd00::1]:8080:80"] },
      ["192.0.2.1:8080 → 80/tcp", "[fd00::1]:8080 → 80/tcp"],
    ],
    [
      "an address of each family, a free number each",
      { publish: ["192.0.2.1::80", "[fd00::1]::80"] },
      [`192.0.2.1:${FREE} → 80/tcp`, `[fd00::1]:${FREE + 1} → 80/tcp`],
    ],
    ["every IPv4 address only", { publish: ["0.0.0.0:8080:80"] }, ["0.0.0.0:8080 → 80/tcp"]],
    ["every IPv6 address only", { publish: ["[::]:8080:80"] }, ["[::]:8080 → 80/tcp proxy"]],
    [
      "loopback of both families: to [::1] by the proxy",
      { publish: ["127.0.0.1:8080:80", "[::1]:8080:80"] },
      ["127.0.0.1:8080 → 80/tcp", "[::1]:8080 → 80/tcp proxy"],
    ],
    [
      "different addresses of loopback at one number",
      { publish: ["127.0.0.1:8080:80", "127.0.0.2:8080:81"] },
      ["127.0.0.1:8080 → 80/tcp", "127.0.0.2:8080 → 81/tcp"],
    ],
    [
      "every address and one address, free numbers",
      { publish: ["80", "127.0.0.1::80"], families: "4", hostWithoutIpv6: true },
      [`0.0.0.0:${FREE} → 80/tcp`, `127.0.0.1:${FREE + 1} → 80/tcp`],
    ],
    [
      "the network's host binding, IPv4",
      { publish: ["8080:80"], binding: "192.0.2.1" },
      ["192.0.2.1:8080 → 80/tcp"],
    ],
    [
      "the network's host binding, IPv6",
      { publish: ["8080:80"], binding: "fd00::1" },
      ["[fd00::1]:8080 → 80/tcp"],
    ],
    [
      "the network's host binding, [::1]",
      { publish: ["8080:80"], binding: "::1" },
      ["[::1]:8080 → 80/tcp proxy"],
    ],
    [
      "the network's host binding, every IPv4 address, is every address",
      { publish: ["8080:80"], binding: "0.0.0.0" },
      ["0.0.0.0:8080 → 80/tcp", "[::]:8080 → 80/tcp proxy"],
    ],
    [
      "an address of the port's own before the network's host binding",
      { publish: ["[::]:8080:80"], binding: "127.0.0.1" },
      ["[::]:8080 → 80/tcp proxy"],
    ],
    [
      "a sandbox without IPv6: the host's IPv6 addresses by the proxy",
      { publish: ["8080:80"], families: "4" },
      ["0.0.0.0:8080 → 80/tcp", "[::]:8080 → 80/tcp proxy"],
    ],
    [
      "a sandbox without IPv6, an IPv6 address: by the proxy",
      { publish: ["[fd00::1]:8080:80/udp"], families: "4" },
      ["[fd00::1]:8080 → 80/udp proxy"],
    ],
    [
      "a sandbox without IPv4: IPv6 addresses of the host only",
      { publish: ["8080:80"], families: "6" },
      ["[::]:8080 → 80/tcp proxy"],
    ],
    [
      "a sandbox without IPv4, an IPv4 address: by the proxy",
      { publish: ["192.0.2.1:8080:80"], families: "6" },
      ["192.0.2.1:8080 → 80/tcp proxy"],
    ],
    ["a host without IPv6", { publish: ["8080:80"], hostWithoutIpv6: true }, ["0.0.0.0:8080 → 80/tcp"]],
    [
      "IPv4 without NAT: open at its own address, IPv6 at the host's",
      { publish: ["8080:80"], modes: ["routed", "nat"] },
      ["[::]:8080 → 80/tcp proxy", "open → 80/tcp"],
    ],
    [
      "IPv6 without NAT: open at its own address, IPv4 at the host's",
      { publish: ["8080:80"], modes: ["nat", "routed"] },
      ["0.0.0.0:8080 → 80/tcp", "open → 80/tcp"],
    ],
    [
      "both without NAT: nothing of the host's is held",
      { publish: ["8080:80"], modes: ["routed", "routed"], busy: ["0.0.0.0 8080/tcp"] },
      ["open → 80/tcp", "open → 80/tcp"],
    ],
    [
      "IPv6 without NAT, an IPv4 address: that alone",
      { publish: ["192.0.2.1:8080:80"], modes: ["nat", "routed"] },
      ["192.0.2.1:8080 → 80/tcp"],
    ],
    [
      "IPv6 without NAT, an IPv6 address: open in that family alone",
      { publish: ["[fd00::1]:8080:80"], modes: ["nat", "routed"] },
      ["open → 80/tcp"],
    ],
    [
      "a range of the host's for one port without NAT: that port is open",
      { publish: ["8080-8083:80"], modes: ["routed", "routed"] },
      ["open → 80/tcp", "open → 80/tcp"],
    ],
    [
      "NAT that protects nothing publishes as NAT does",
      { publish: ["8080:80"], modes: ["nat-unprotected", "nat-unprotected"] },
      ["0.0.0.0:8080 → 80/tcp", "[::]:8080 → 80/tcp proxy"],
    ],
    [
      "a busy port of another protocol, or another address, is in nobody's way",
      { publish: ["192.0.2.1:8080:80"], busy: ["0.0.0.0 8080/udp", "192.0.2.2 8080/tcp", ":: 8080/tcp"] },
      ["192.0.2.1:8080 → 80/tcp"],
    ],
  ])("%s", async (_, row, wanted) => {
    await publish(row);
    expect(bindings()).toEqual(wanted);
    // The next daemon holds the same, and nothing is left when the sandbox goes.
    await home.boot.engine.close();
    home.boot = await home.machine.boot();
    home.boot.host.ipv6 = row.hostWithoutIpv6 !== true;
    if (row.hostWithoutIpv6 !== true) expect(bindings()).toEqual(wanted);
    await home.boot.engine.removeSandbox("s", { force: true });
    expect([home.boot.host.heldPorts, home.boot.host.servedPorts]).toEqual([[], []]);
  });
});

describe("what cannot be published leaves nothing behind:", () => {
  test.each<[string, Row, string]>([
    [
      "a chosen port that is busy",
      { publish: ["8080:80"], busy: ["0.0.0.0 8080/tcp"] },
      "publish[0]: port 0.0.0.0:8080/tcp is held by nginx (pid 7)",
    ],
    [
      "a chosen port that is busy on IPv6 only",
      { publish: ["8080:80"], busy: [":: 8080/tcp"] },
      "publish[0]: port :::8080/tcp is held by nginx (pid 7)",
    ],
    [
      "a chosen port that is busy on one address, where every address is wished for",
      { publish: ["8080:80"], busy: ["192.0.2.9 8080/tcp"] },
      "publish[0]: port 0.0.0.0:8080/tcp is held by nginx (pid 7)",
    ],
    [
      "a range with one port busy",
      { publish: ["8000-8003:8000-8003"], busy: ["0.0.0.0 8002/tcp"] },
      "publish[0]: port 0.0.0.0:8002/tcp is held by nginx (pid 7)",
    ],
    [
      "one port at a range that is busy to its end",
      { publish: ["8080-8081:80"], busy: ["0.0.0.0 8080/tcp", ":: 8081/tcp"] },
      "publish[0]: none of the host's ports 8080-8081 is free: port :::8081/tcp is held by nginx (pid 7)",
    ],
    [
      "more ports than the range they share has",
      { publish: ["8080-8081:80", "8080-8081:81", "8080-8081:82"], families: "4", hostWithoutIpv6: true },
      "publish[2]: none of the host's ports 8080-8081 is free: port 0.0.0.0:8081/tcp is already published by this sandbox itself",
    ],
    [
      "the last of several",
      { publish: ["8080:80", "81", "8082:82"], busy: ["0.0.0.0 8082/tcp"] },
      "publish[2]: port 0.0.0.0:8082/tcp is held by nginx (pid 7)",
    ],
    [
      "free numbers that are all busy in the other family",
      { publish: ["80"], busy: Array.from({ length: 40 }, (_, i) => `:: ${FREE + i}/tcp`) },
      "publish[0]: port :::",
    ],
    [
      "one port twice",
      { publish: ["8080:80", "8080:81"] },
      "publish[1]: port 0.0.0.0:8080/tcp is already published",
    ],
    [
      "an IPv6 address on a host without IPv6",
      { publish: ["[fd00::1]:8080:80"], hostWithoutIpv6: true },
      "publish[0]: the host has no IPv6",
    ],
    [
      "SCTP at an address of the family the sandbox has not",
      { publish: ["[fd00::1]:8080:80/sctp"], families: "4" },
      "publish[0]: the sandbox has no IPv6 address that fd00::1 could lead to",
    ],
  ])("%s", async (_, row, message) => {
    await expect(publish(row)).rejects.toThrow(message);
    expect(home.boot.engine.sandboxes()).toEqual([]);
    expect([home.boot.host.heldPorts, home.boot.host.servedPorts]).toEqual([[], []]);
    // What others hold was theirs alone: with it gone, the same wish is granted where it can be.
    await home.boot.engine.removeNetwork("n");
    home.boot.host.busyPorts.length = 0;
    if ((row.busy ?? []).length === 0) return;
    await publish({ ...row, busy: [] });
    expect(bindings().length).toBeGreaterThan(0);
  });
});

test("a port taken from a range is withdrawn by its number or by the whole wish, and not by the range's first", async () => {
  await publish({ publish: ["8080-8083:80"], busy: ["0.0.0.0 8080/tcp"] });
  const before = pictureOf(home.machine, home.boot);
  await expect(home.boot.engine.unpublish("s", ["8080:80"])).rejects.toMatchObject({ code: "not_found" });
  expect(pictureOf(home.machine, home.boot)).toBe(before);
  await home.boot.engine.unpublish("s", ["8081:80"]);
  expect(bindings()).toEqual([]);
  await home.boot.engine.publish("s", ["8080-8083:80"]);
  await home.boot.engine.unpublish("s", ["8080-8083:80"]);
  expect(bindings()).toEqual([]);
});
