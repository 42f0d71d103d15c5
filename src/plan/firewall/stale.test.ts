import { describe, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import type { PortBinding } from "../../model/ports.ts";
import { publishElements } from "./elements.ts";
import { staleFlows, type TranslatedFlow } from "./stale.ts";

const HOST = "192.0.2.1" as Ip;
const OLD = "172.18.0.2" as Ip;
const NEW = "172.18.0.3" as Ip;
const isLocal = (ip: Ip): boolean => ip === HOST || ip.startsWith("127.");

const binding = (change: Partial<PortBinding> = {}): Omit<PortBinding, "endpointId"> => ({
  protocol: "udp",
  hostIp: "0.0.0.0" as Ip,
  hostPort: 53,
  containerPort: 5353,
  count: 1,
  ...change,
});
const toOld = publishElements(binding(), OLD);
const toNew = publishElements(binding(), NEW);

const flow = (change: Partial<TranslatedFlow> = {}): TranslatedFlow => ({
  family: 4,
  destination: HOST,
  destinationPort: 53,
  answerer: OLD,
  answererPort: 5353,
  ...change,
});

function isStale(change: Parameters<typeof staleFlows>[0], one: TranslatedFlow): boolean {
  return staleFlows(change).some((stale) => stale.matches(one, isLocal));
}

describe("staleFlows()", () => {
  test.each<[string, Parameters<typeof staleFlows>[0], TranslatedFlow, boolean]>([
    ["a removed port's flow", { add: [], remove: toOld }, flow(), true],
    ["a moved port's flow to the former sandbox", { add: toNew, remove: toOld }, flow(), true],
    ["a moved port's flow to the new sandbox", { add: toNew, remove: toOld }, flow({ answerer: NEW }), false],
    [
      "a flow from before the port was published, which the host itself answers",
      { add: toNew, remove: [] },
      flow({ answerer: HOST, answererPort: 53 }),
      true,
    ],
    [
      "a flow through the host to the same port elsewhere",
      { add: toNew, remove: [] },
      flow({ destination: "9.9.9.9" as Ip, answerer: "9.9.9.9" as Ip, answererPort: 53 }),
      false,
    ],
    [
      "a flow to an address that the host has no more",
      { add: [], remove: toOld },
      flow({ destination: "198.51.100.9" as Ip }),
      true,
    ],
    ["a flow of another port", { add: toNew, remove: toOld }, flow({ destinationPort: 54 }), false],
    ["a flow of the other family", { add: toNew, remove: toOld }, flow({ family: 6 }), false],
    [
      "a flow to another address than the published one",
      { add: publishElements(binding({ hostIp: "127.0.0.1" as Ip }), NEW), remove: [] },
      flow({ answerer: HOST, answererPort: 53 }),
      false,
    ],
    [
      "the last flow of a range",
      { add: [], remove: publishElements(binding({ hostPort: 50, containerPort: 50, count: 4 }), OLD) },
      flow({ answererPort: 53 }),
      true,
    ],
    [
      "a flow beyond a range",
      { add: [], remove: publishElements(binding({ hostPort: 50, containerPort: 50, count: 3 }), OLD) },
      flow({ answererPort: 53 }),
      false,
    ],
  ])("%s", (_, change, one, expected) => {
    expect(isStale(change, one)).toBe(expected);
  });

  test("asks for nothing when no UDP port changes", () => {
    const tcp = publishElements(binding({ protocol: "tcp" }), OLD);
    expect(staleFlows({ add: tcp, remove: [{ map: "bridges", key: ["nd-1"] }] })).toEqual([]);
  });

  test("tells what all flows have in common, for the kernel to filter by", () => {
    const one = publishElements(binding({ hostIp: HOST }), OLD);
    const two = publishElements(binding({ hostIp: HOST, hostPort: 54 }), OLD);
    expect(staleFlows({ add: [], remove: one })).toMatchObject([{ family: 4, hostIp: HOST, hostPort: 53 }]);
    const [both] = staleFlows({ add: [], remove: [...one, ...two] });
    expect(both).toMatchObject({ hostIp: HOST, hostPort: undefined });
    const [mixed] = staleFlows({ add: toNew, remove: one });
    expect(mixed).toMatchObject({ hostIp: undefined, hostPort: 53 });
  });
});
