import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Hindrance } from "../model/probe.ts";
import { Machine, type Boot } from "../testkit/machine.ts";
import { populate } from "../testkit/operations.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
  await populate(boot.engine);
});

afterEach(async () => {
  vi.useRealTimers();
  await boot.engine.close();
  machine[Symbol.dispose]();
});

const DROP: Hindrance = {
  certain: true,
  family: "inet",
  table: "theirs",
  chain: "fw",
  base: "fw",
  hook: "forward",
  rule: { handle: "7", text: "drop" },
  unknown: [],
};

test("examine() tells a rule once for each bridge and direction, with all that it hinders", async () => {
  boot.host.hindrances = ({ way, iif }) => (way === "output" && iif === undefined ? [DROP] : []);
  const { findings, flows } = await boot.engine.examine();
  expect(flows).toBeGreaterThan(findings.length);
  expect(findings[0]).toEqual({
    severity: "problem",
    check: "filter",
    text: "rule 7 of chain fw of table inet theirs drops",
    filter: { family: "inet", table: "theirs", chain: "fw", handle: "7", rule: "drop" },
    affects: ["network bridge: IPv4 from the host"],
    remedy: 'nft insert rule inet theirs fw oifname "netdock0" accept',
  });
});

test("examine() calls it a warning where it depends on what nobody can tell", async () => {
  boot.host.hindrances = () => [{ ...DROP, certain: false, unknown: ["limit"] }];
  const { findings } = await boot.engine.examine();
  expect(findings.every(({ severity }) => severity === "warning")).toBe(true);
  expect(findings[0]?.text).toBe(
    "rule 7 of chain fw of table inet theirs may drop, depending on what netdock cannot tell (limit)",
  );
});

test("examine() sees forwarding that is off, and features that the kernel lacks", async () => {
  machine.kernel.host.sysctls.set("net.ipv4.ip_forward", "0");
  boot.host.features = ["SCTP sockets"];
  const { findings } = await boot.engine.examine();
  expect(findings).toMatchObject([
    { severity: "problem", check: "sysctl", remedy: "sysctl -w net.ipv4.ip_forward=1" },
    { severity: "warning", check: "kernel", text: "this kernel lacks SCTP sockets" },
  ]);
  machine.kernel.host.sysctls.set("net.ipv4.ip_forward", "1");
});

test("a problem goes into the log when filters changed, once as long as it lasts", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const told = (): number => boot.complaints.filter((line) => line.includes("of chain fw")).length;
  const change = async (): Promise<void> => {
    boot.host.tell({ kind: "firewall" });
    await vi.advanceTimersByTimeAsync(100);
  };
  boot.host.hindrances = ({ oif }) => (oif === "netdock0" ? [DROP] : []);
  await change();
  expect(told()).toBe(1);
  await change();
  expect(told()).toBe(1);
  boot.host.hindrances = () => [];
  await change();
  boot.host.hindrances = ({ oif }) => (oif === "netdock0" ? [DROP] : []);
  await change();
  expect(told()).toBe(2);
});
