import { errorText } from "../base/errors.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { Hindrance } from "../model/probe.ts";
import { hindranceText, remedyFor } from "../plan/remedy.ts";
import type { DoctorReport, Finding } from "./contract.ts";
import type { Core } from "./core.ts";
import { type Flow, flowsOf, uplinksOf } from "./flows.ts";
import { zoneLinks } from "../plan/firewall/index.ts";

/** Finds out what of this machine's keeps traffic of ours from passing. Changes nothing. */
export function examine(core: Core): DoctorReport {
  const { host } = core;
  const bridged = host.readSysctl(BRIDGED) === "1";
  const flows = flowsOf(core, host.observe(HOST_NETNS), { bridged });
  const findings = [
    ...filterFindings(core, flows),
    ...legacyFindings(core, flows),
    ...settingFindings(core),
    ...kernelFindings(core),
  ];
  return { findings, flows: flows.length };
}

/** Writes into the log what the doctor finds, each problem once as long as it lasts. */
export class Watchman {
  readonly #core: Core;
  #told = new Set<string>();

  constructor(core: Core) {
    this.#core = core;
  }

  look(): void {
    const { log } = this.#core;
    try {
      const problems = examine(this.#core).findings.filter(({ severity }) => severity === "problem");
      const now = new Map(problems.map((finding) => [JSON.stringify(finding), finding]));
      for (const [key, { text, filter, affects, remedy }] of now) {
        if (!this.#told.has(key)) log.warn({ rule: filter?.rule, affects, remedy }, text);
      }
      this.#told = new Set(now.keys());
    } catch (error) {
      log.warn({ error: errorText(error) }, "could not find out what other firewalls do");
    }
  }
}

/** br_netfilter's switch; without the module there is no such key. */
const BRIDGED = "net.bridge.bridge-nf-call-iptables";

function filterFindings(core: Core, flows: readonly Flow[]): Finding[] {
  const outcomes = core.host.follow(flows.map((flow) => flow.packet));
  const met = flows.flatMap((flow, i) => (outcomes[i] ?? []).map((hindrance) => ({ flow, hindrance })));
  // One rule mostly hinders many: it is told once for each bridge and direction, which the remedy is about.
  const groups = Map.groupBy(met, ({ flow, hindrance }) => {
    return JSON.stringify([placeOf(hindrance), hindrance.unknown, flow.bridge, flow.direction]);
  });
  return [...groups.values()].map((group) => {
    const [{ flow, hindrance }] = group as [(typeof group)[number]];
    return {
      severity: hindrance.certain ? "problem" : "warning",
      check: "filter",
      text: hindranceText(hindrance),
      filter: placeOf(hindrance),
      affects: [...new Set(group.map((one) => one.flow.text))],
      remedy: remedyFor(hindrance, flow),
    } satisfies Finding;
  });
}

function placeOf({ family, table, chain, rule }: Hindrance): NonNullable<Finding["filter"]> {
  const place = { family, table, chain };
  return rule === undefined ? place : { ...place, handle: rule.handle, rule: rule.text };
}

/** Rules that nobody here can read: iptables-legacy keeps its own. */
function legacyFindings({ host }: Core, flows: readonly Flow[]): Finding[] {
  const names = zoneLinks([...new Set(flows.map(({ bridge }) => bridge))]);
  return Object.entries(host.legacyTables()).flatMap(([family, tables]): Finding[] => {
    if (tables.length === 0 || names.length === 0) return [];
    const command = `${family === "ip" ? "iptables" : "ip6tables"}-legacy`;
    // `+` is iptables' own word for every link whose name begins so.
    const allow = names.flatMap((name) =>
      ["-i", "-o"].map((way) => `${command} -I FORWARD ${way} ${name} -j ACCEPT`),
    );
    return [
      {
        severity: "warning",
        check: "filter",
        text: `${command} has tables whose rules netdock cannot read, and they may drop: ${tables.join(", ")}`,
        affects: [`IPv${family === "ip" ? 4 : 6} of every network`],
        ...(tables.includes("filter") ? { remedy: allow.join(" && ") } : {}),
      },
    ];
  });
}

function settingFindings(core: Core): Finding[] {
  const { host, state } = core;
  const networks = [...state.networks.values()].filter((n) => core.driverOf(n).capabilities.publish);
  const off = (key: string, who: readonly { readonly name: string }[]): Finding[] =>
    who.length === 0 || (host.readSysctl(key) ?? "1") !== "0"
      ? []
      : [
          {
            severity: "problem",
            check: "sysctl",
            text: `${key} is 0: the host forwards nothing`,
            affects: who.map(({ name }) => `network ${name}`),
            remedy: `sysctl -w ${key}=1`,
          },
        ];
  return [
    ...off(
      "net.ipv4.ip_forward",
      networks.filter((n) => n.enableIPv4),
    ),
    ...off(
      "net.ipv6.conf.all.forwarding",
      networks.filter((n) => n.enableIPv6),
    ),
    ...reversePathFindings(core),
  ];
}

/** Strict filtering (RFC 3704) drops what comes in by one uplink and would be answered by another. */
function reversePathFindings(core: Core): Finding[] {
  const { host } = core;
  const uplinks = uplinksOf(host.observe(HOST_NETNS), new Set()).filter((u) => u.families.includes(4));
  if (uplinks.length < 2) return [];
  const keyOf = (link: string): string => `net.ipv4.conf.${link.replaceAll(".", "/")}.rp_filter`;
  // The kernel takes the greater of the two; 2 is loose.
  const of = (link: string): number =>
    Math.max(Number(host.readSysctl(keyOf("all")) ?? 0), Number(host.readSysctl(keyOf(link)) ?? 0));
  return uplinks
    .filter(({ name }) => of(name) === 1)
    .map(({ name }) => ({
      severity: "warning",
      check: "sysctl",
      text: `${keyOf(name)} is strict and the host has ${uplinks.length} uplinks: what is answered by another one is dropped`,
      affects: [`published ports from ${name}`],
      remedy: `sysctl -w ${keyOf(name)}=2`,
    }));
}

function kernelFindings(core: Core): Finding[] {
  return core.host.lacking().map((feature) => ({
    severity: "warning",
    check: "kernel",
    text: `this kernel lacks ${feature}`,
    affects: [],
  }));
}
