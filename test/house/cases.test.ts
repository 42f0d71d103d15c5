/** docs/docker-cases.md: every test that it names exists, and every case of Docker's that it should name is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/install.mjs";

interface Case {
  readonly number: number;
  readonly name: string;
  /** Files, without `.test.ts`, and titles in them. */
  readonly shown: readonly { readonly file: string; readonly title: string }[];
  readonly text: string;
}

const page = readFileSync(join(root, "docs", "docker-cases.md"), "utf8");

function readCase(line: string): Case | undefined {
  const match = /^\| (\d+) ([\w ]+?) +\| (.*?) +\|$/.exec(line);
  if (match === null) return undefined;
  const [, number, name = "", text = ""] = match;
  const shown = [...text.matchAll(/`([\w/.-]+)`: (.*?)(?=; `|$| \(its rows)/g)].map(([, file, title]) => ({
    file: file ?? "",
    title: title ?? "",
  }));
  return { number: Number(number), name, shown, text };
}

const cases = page.split("\n").flatMap((line) => readCase(line) ?? []);

/** Of the facts about Docker's tests: what is to be replayed for bridge networks. */
const WANTED: Readonly<Record<number, string>> = {
  10: "Test64BitIPRange TestIPRangeAt64BitLimit",
  11: "TestBridgeIPAMStatus",
  12: "TestNetworkInspectGateway",
  13: "TestSetIPWithNoConfiguredSubnet",
  15: "TestConnectWithPriority",
  16: "TestCreateWithPriority",
  17: "TestMixL3IPVlanAndBridge",
  18: "TestGatewaySelection",
  19: "TestEndpointWithCustomIfname TestCustomIfnameCollidesWithExistingIface",
  20: "TestSetEndpointSysctl TestDisableIPv6OnInterface",
  21: "TestNonIPv6Network TestDisableIPv4",
  22: "TestPointToPoint TestIsolated",
  23: "TestAdvertiseAddresses",
  24: "TestMACAddrOnRestart TestNetworkConnectWithMACAddress",
  25: "TestBridgeICC",
  26: "TestBridgeINC TestBridgeINCRouted",
  27: "TestInternalNwConnectivity",
  28: "TestInterNetworkDirectRouting",
  29: "TestDropInForwardChain",
  30: "TestFilterForwardPolicy",
  31: "TestPortMappedHairpinTCP TestPortMappedHairpinUDP",
  32: "TestAccessPublishedPortFromHost TestAccessPublishedPortFromRemoteHost TestAccessPublishedPortFromCtr TestAccessPublishedPortFromAnotherNetwork",
  33: "TestAccessPortPublishedOnLoopbackAddress",
  34: "TestDirectRemoteAccessOnExposedPort TestAllowDirectRemoteAccessOnExposedPort",
  35: "TestDirectRoutingOpenPorts TestRoutedNonGateway TestDisableNAT",
  36: "TestProxy4To6 TestMixAnyWithSpecificHostAddrs TestPortMappingOnDistinctLoopbackAddrs",
  37: "TestPublishedPortAlreadyInUse TestAllPortMappingsAreReturned TestRestartUserlandProxyUnder2MSL TestAcceptFwMark",
  38: "TestAddPortMappings",
  39: "TestConntrackFlowsLeak",
  40: "TestInternalNetworkDNS TestInternalNetworkLocalDNS TestIntDNSAsExtDNS TestExtDNSInIPv6OnlyNw",
  41: "TestOversizedDNSReply TestReplySERVFAIL TestProxyNXDOMAIN TestInvalidReverseDNS TestDNSIPQuery",
  42: "TestEtcHostsIpv6 TestEtcHostsDisconnect resolvconf",
  43: "TestDynamicPoolAllocation TestUnusualSubnets TestOverlappingRequests TestRequestReleaseAddressFromSubPool TestPredefinedPoolWithPreferredSubnetSize",
};

it.each(Object.entries(WANTED))("case %s is there, with each of its names", (number, names) => {
  const found = cases
    .filter((one) => one.number === Number(number))
    .map(({ name }) => name.split(" ")[0] ?? "");
  expect(found.toSorted()).toEqual(names.split(" ").toSorted());
});

it("a case is shown by tests, or says why it is not here", () => {
  const silent = cases.filter(({ shown, text }) => shown.length === 0 && !/^not here: \S/.test(text));
  expect(silent.map(({ name }) => name)).toEqual([]);
});

describe("the tests named exist:", () => {
  const named = new Set(cases.flatMap(({ shown }) => shown.map(({ file, title }) => `${file}\n${title}`)));
  it.each([...named].map((one) => one.split("\n") as [string, string]))("%s: %s", (file, title) => {
    const path = join(root, `${file}.test.ts`);
    expect(existsSync(path), path).toBe(true);
    // The title is a whole literal of the file, whatever quotes it stands in.
    const literals = [`"${title}"`, `'${title}'`, `\`${title}\``];
    const source = readFileSync(path, "utf8");
    expect(literals.some((literal) => source.includes(literal))).toBe(true);
  });
});
