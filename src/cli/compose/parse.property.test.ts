import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { isNetError } from "../../base/errors.ts";
import { NOTED_SERVICE_KEYS, REFUSED_SERVICE_KEYS, SILENT_SERVICE_KEYS } from "./keys.ts";
import { parseCompose } from "./parse.ts";
import { publishText } from "./ports.ts";
import type { Project } from "./project.ts";

/** Every place of a file that netdock reads; `*` is an element of a list. */
const PLACES = [
  ...["name", "services", "networks", "version", "x-any", "volumes"].map((key) => [key]),
  ...[
    "command entrypoint environment env_file working_dir hostname domainname container_name networks network_mode ports dns",
    "dns_search dns_opt extra_hosts sysctls depends_on links scale deploy labels profiles restart stop_signal mac_address",
    "stop_grace_period healthcheck",
    ...Object.keys(REFUSED_SERVICE_KEYS),
    ...Object.keys(NOTED_SERVICE_KEYS),
    ...SILENT_SERVICE_KEYS,
  ]
    .flatMap((keys) => keys.split(" "))
    .map((key) => ["services", "web", key]),
  ...[
    "command",
    "environment",
    "ports",
    "dns",
    "extra_hosts",
    "depends_on",
    "links",
    "env_file",
    "networks",
  ].map((key) => ["services", "web", key, "*"]),
  ...["target", "published", "host_ip", "protocol", "mode", "name", "app_protocol"].map((key) => [
    "services",
    "web",
    "ports",
    "*",
    key,
  ]),
  ...[
    "aliases",
    "ipv4_address",
    "ipv6_address",
    "mac_address",
    "gw_priority",
    "priority",
    "interface_name",
    "driver_opts",
  ].map((key) => ["services", "web", "networks", "front", key]),
  ...["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"].map((key) => [
    "services",
    "web",
    "healthcheck",
    key,
  ]),
  ...["condition", "required", "restart"].map((key) => ["services", "web", "depends_on", "api", key]),
  ...["replicas", "mode", "resources"].map((key) => ["services", "web", "deploy", key]),
  ...[
    "driver",
    "driver_opts",
    "external",
    "internal",
    "enable_ipv4",
    "enable_ipv6",
    "attachable",
    "labels",
    "name",
    "ipam",
  ].map((key) => ["networks", "front", key]),
  ...["driver", "config", "options"].map((key) => ["networks", "front", "ipam", key]),
  ...["subnet", "ip_range", "gateway", "aux_addresses"].map((key) => [
    "networks",
    "front",
    "ipam",
    "config",
    "*",
    key,
  ]),
];

/** Values of every kind, among them ones that are almost right somewhere. */
const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    "8080:80",
    "10.0.0.9",
    "fd00::9",
    "02:00:00:00:00:09",
    "A=b",
    "a:b",
    "5s",
    "front",
    "api",
    "${X}",
    "$$",
    "$",
    "true",
    "no",
    "none",
    "service_healthy",
    "10.5.0.0/24",
    -1,
    0,
    3,
    65_536,
    1e21,
    true,
    [],
    {},
    [[]],
    { toString: 1 },
    { constructor: "x" },
    "__proto__",
    JSON.parse('{"__proto__": 1}'),
  ),
);

function fileWith(place: readonly string[], value: unknown): string {
  const nested = place.reduceRight<unknown>(
    (inner, key) => (key === "*" ? [inner] : { [key]: inner }),
    value,
  );
  const base = {
    services: { web: { command: ["run"], networks: { front: {} } }, api: { command: ["run"] } },
    networks: { front: {} },
  };
  return stringify(merged(base, nested));
}

/** What `over` says, and what `base` says besides. */
function merged(base: unknown, over: unknown): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap(base) || !isMap(over)) return over;
  return Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => [
      key,
      Object.hasOwn(over, key) ? merged(base[key], over[key]) : base[key],
    ]),
  );
}

function parse(text: string): Project {
  return parseCompose({
    file: "c.yaml",
    directory: "/p",
    text,
    env: { X: "1" },
    profiles: [],
    scale: new Map(),
    ignoreUnsupported: true,
  }).project;
}

test("any value anywhere gives a project or an error that names file, line and path", () => {
  fc.assert(
    fc.property(fc.constantFrom(...PLACES), anyValue, (place, value) => {
      const text = fileWith(place, value);
      try {
        check(parse(text));
      } catch (error) {
        if (!isNetError(error, "invalid")) throw error;
        expect(error.message).toMatch(/^c\.yaml:\d+: /);
        expect(error.field, text).toBeDefined();
      }
    }),
    { numRuns: 1000 },
  );
});

test("any text gives a project or an error that names file and line", () => {
  const words = fc.constantFrom(
    "services",
    ":",
    "\n",
    "  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<",
    '"',
    "'",
    "$",
    "${",
    "#",
    "|",
    "x",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((list) => list.join("")),
      ),
      (text) => {
        try {
          check(parse(text));
        } catch (error) {
          if (!isNetError(error, "invalid")) throw error;
          expect(error.message).toMatch(/^c\.yaml:\d+: /);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

/** What every project must be, whatever the file. */
function check(project: Project): void {
  expect(project.name).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
  const networks = new Set(project.networks.map(({ key }) => key));
  const services = new Set(project.services.map(({ name }) => name));
  for (const service of project.services) {
    expect(service.command.length).toBeGreaterThan(0);
    expect(service.command.every((word) => typeof word === "string")).toBe(true);
    expect(service.networks.every(({ key }) => networks.has(key))).toBe(true);
    expect(service.dependsOn.every((dependency) => services.has(dependency.service))).toBe(true);
    expect(Number.isInteger(service.replicas) && service.replicas >= 0).toBe(true);
    for (const port of service.ports) expect(publishText(port, 1)).toMatch(/^[^/]*\d+\/(tcp|udp|sctp)$/);
  }
}
