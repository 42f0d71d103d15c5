import { describe, expect, test } from "vitest";
import { isNetError } from "../../base/errors.ts";
import { composeName, isProjectName, normaliseName, parseCompose } from "./parse.ts";
import type { Project, Service } from "./project.ts";

interface Extra {
  readonly env?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  readonly scale?: ReadonlyMap<string, number>;
  readonly ignoreUnsupported?: boolean;
  readonly projectName?: string;
}

function parse(text: string, extra: Extra = {}): ReturnType<typeof parseCompose> {
  return parseCompose({
    file: "c.yaml",
    directory: "/home/me/My Shop",
    text,
    env: {},
    profiles: [],
    scale: new Map(),
    ignoreUnsupported: false,
    ...extra,
  });
}

/** The one service of a file that says nothing else. */
function service(body: string): Service {
  const text = `services:\n  web:\n    command: "true"\n${indent(body)}\n`;
  return parse(text).project.services[0] as Service;
}

function indent(body: string): string {
  return body
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}

function project(text: string, extra: Extra = {}): Project {
  return parse(text, extra).project;
}

describe("what a service may say", () => {
  test.each<[string, Partial<Service>]>([
    ["entrypoint: [sh, -c]", { command: ["sh", "-c", "true"] }],
    ["entrypoint: sh -c\ncommand: 'echo \"a b\"'", { command: ["sh", "-c", "echo", "a b"] }],
    ["entrypoint:\ncommand: [a, 1, true]", { command: ["a", "1", "true"] }],
    [
      "environment: {A: 1, B: x, C: , D: true, E: 1.50}",
      { environment: new Map(Object.entries({ A: "1", B: "x", C: null, D: "true", E: "1.50" })) },
    ],
    [
      "environment: [A=1, B, 'C=', 'D=a=b']",
      { environment: new Map(Object.entries({ A: "1", B: null, C: "", D: "a=b" })) },
    ],
    ["working_dir: sub", { workingDir: "sub" }],
    ["hostname: h\ndomainname: d.test", { hostname: "h", domainname: "d.test" }],
    ["container_name: c", { containerName: "c" }],
    ["network_mode: none", { networkMode: "none", networks: [] }],
    ["network_mode: host", { networkMode: "host", networks: [] }],
    ["dns: 9.9.9.9", { dns: ["9.9.9.9"] }],
    ["dns: [9.9.9.9, '2620:fe::fe']", { dns: ["9.9.9.9", "2620:fe::fe"] }],
    ["dns_search: a.test", { dnsSearch: ["a.test"] }],
    ["dns_opt: ['ndots:2']", { dnsOptions: ["ndots:2"] }],
    [
      "extra_hosts: ['db:10.0.0.9', 'x=10.0.0.8', 'v6:[::1]', 'me:host-gateway']",
      { extraHosts: ["db:10.0.0.9", "x:10.0.0.8", "v6:::1", "me:host-gateway"] },
    ],
    [
      "extra_hosts: {db: 10.0.0.9, two: [10.0.0.1, 10.0.0.2]}",
      { extraHosts: ["db:10.0.0.9", "two:10.0.0.1", "two:10.0.0.2"] },
    ],
    ["sysctls: {net.core.somaxconn: 1024}", { sysctls: { "net.core.somaxconn": "1024" } }],
    ["sysctls: [net.ipv4.tcp_syncookies=0]", { sysctls: { "net.ipv4.tcp_syncookies": "0" } }],
    ["scale: 3", { replicas: 3 }],
    ["deploy: {replicas: 2, mode: replicated}", { replicas: 2 }],
    ["scale: 2\ndeploy: {replicas: 2}", { replicas: 2 }],
    ["labels: {a: b, c: }", { labels: { a: "b", c: "" } }],
    ["labels: [a=b, c]", { labels: { a: "b", c: "" } }],
    ["stop_signal: SIGINT\nstop_grace_period: 1m5s", { stopSignal: "SIGINT", stopGraceMs: 65_000 }],
    [
      "healthcheck: {test: [CMD, ok], interval: 1s, retries: 2}",
      { healthcheck: { command: ["ok"], intervalMs: 1000, timeoutMs: 30_000, retries: 2, startPeriodMs: 0 } },
    ],
    [
      "healthcheck: {test: curl x, start_period: 5s}",
      {
        healthcheck: {
          command: ["/bin/sh", "-c", "curl x"],
          intervalMs: 30_000,
          timeoutMs: 30_000,
          retries: 3,
          startPeriodMs: 5000,
        },
      },
    ],
    ["expose: [80]\ninit: true\nx-mine: {a: 1}\nannotations: {a: b}", { ports: [] }],
    ["restart: 'no'", {}],
  ])("%s", (body, expected) => {
    // A second `command` in the body would be a duplicate key, so such bodies bring the whole service.
    const whole = body.includes("command:")
      ? parse(`services:\n  web:\n${indent(body)}`).project.services[0]
      : service(body);
    expect(whole).toMatchObject(expected);
  });

  test("networks in the long form, joined by priority", () => {
    const text = `
services:
  web:
    command: x
    mac_address: 02:00:00:00:00:01
    networks:
      front:
      back:
        aliases: [b1, b2]
        ipv4_address: 10.5.0.9
        ipv6_address: FD00::0009
        mac_address: 02-00-00-00-00-09
        gw_priority: -1
        priority: 7
        interface_name: eth9
        driver_opts: {com.docker.network.endpoint.sysctls: x}
networks: {front: , back: }`;
    const networks = project(text).services[0]?.networks.map(({ place: _place, ...network }) => network);
    expect(networks).toEqual([
      {
        key: "back",
        aliases: ["b1", "b2"],
        ipv4: "10.5.0.9",
        ipv6: "fd00::9",
        mac: "02:00:00:00:00:09",
        gwPriority: -1,
        priority: 7,
        interfaceName: "eth9",
        options: { "com.docker.network.endpoint.sysctls": "x" },
      },
      { key: "front", aliases: [], priority: 0, options: {} },
    ]);
  });
});

describe("what the file may say", () => {
  test("networks", () => {
    const text = `
services:
  web: {command: x, networks: [a, b, c, d, default]}
networks:
  a:
  b:
    driver: bridge
    driver_opts: {com.docker.network.driver.mtu: 1400}
    internal: true
    enable_ipv4: false
    enable_ipv6: true
    attachable: true
    labels: [x=y]
    ipam:
      driver: default
      options: {o: 1}
      config:
        - {subnet: 10.5.0.0/24, ip_range: 10.5.0.128/25, gateway: 10.5.0.1, aux_addresses: {p: 10.5.0.9}}
        - {subnet: fd00:5::/64}
  c: {external: true, name: theirs}
  d: {external: {name: old}}
  unused: {driver: nonsense}`;
    const networks = project(text).networks.map(({ place: _place, ...network }) => network);
    const plain = { external: false, internal: false, options: {}, labels: {} };
    expect(networks).toEqual([
      { ...plain, key: "a", name: "myshop_a" },
      {
        key: "b",
        name: "myshop_b",
        external: false,
        driver: "bridge",
        internal: true,
        enableIPv4: false,
        enableIPv6: true,
        options: { "com.docker.network.driver.mtu": "1400" },
        labels: { x: "y" },
        ipam: {
          driver: "default",
          options: { o: "1" },
          config: [
            {
              subnet: "10.5.0.0/24",
              ipRange: "10.5.0.128/25",
              gateway: "10.5.0.1",
              auxAddresses: { p: "10.5.0.9" },
            },
            { subnet: "fd00:5::/64" },
          ],
        },
      },
      { ...plain, key: "c", name: "theirs", external: true },
      { ...plain, key: "d", name: "old", external: true },
      { ...plain, key: "default", name: "myshop_default" },
    ]);
  });

  test("anchors, merge keys and aliases", () => {
    const text = `
x-base: &base
  command: [run, base]
  environment: {A: "1"}
services:
  one: {<<: *base}
  two:
    <<: [*base, {hostname: h}]
    command: [run, two]`;
    const [one, two] = project(text).services;
    expect(one?.command).toEqual(["run", "base"]);
    expect(two).toMatchObject({ command: ["run", "two"], hostname: "h", environment: new Map([["A", "1"]]) });
  });

  test("variables, which are typed after they are known", () => {
    const text =
      'name: "${NAME}"\nservices: {web: {command: "run $$HOME ${X:-y}", scale: $N, ports: ["${P:-8080-8081}:80"]}}';
    const { services, name } = project(text, { env: { NAME: "shop", N: "2" } });
    expect(name).toBe("shop");
    expect(services[0]).toMatchObject({ command: ["run", "$HOME", "y"], replicas: 2 });
    expect(services[0]?.ports[0]).toMatchObject({ published: { first: 8080, count: 2 } });
  });

  test("a variable that is not set is an empty text, and a warning", () => {
    const { warnings } = parse('services: {web: {command: "run ${NOPE} $NOPE"}}');
    expect(warnings).toEqual(["the variable NOPE is not set, an empty text is used"]);
  });

  test("depends_on and links, in both forms", () => {
    const text = `
services:
  web:
    command: x
    depends_on: {api: {condition: service_healthy, restart: true}, gone: {condition: service_started, required: false}}
    links: [api, "db:database"]
  api: {command: x, healthcheck: {test: [CMD, "true"]}, depends_on: [db]}
  db: {command: x}
  gone: {command: x, profiles: [debug]}`;
    const { services } = project(text);
    expect(services.map(({ name }) => name)).toEqual(["web", "api", "db"]);
    expect(services[0]?.dependsOn).toEqual([
      { service: "api", condition: "service_healthy" },
      { service: "db", condition: "service_started" },
    ]);
    expect(services[2]?.networks[0]?.aliases).toEqual(["database"]);
  });

  test.each([
    [[], ["always"]],
    [["debug"], ["always", "sometimes"]],
    [["*"], ["always", "sometimes"]],
  ])("profiles %j leave %j", (profiles, names) => {
    const text = "services: {always: {command: x}, sometimes: {command: x, profiles: [debug, x]}}";
    expect(project(text, { profiles }).services.map(({ name }) => name)).toEqual(names);
  });

  test("--scale wins over the file", () => {
    const text = "services: {web: {command: x, scale: 3}}";
    expect(project(text, { scale: new Map([["web", 0]]) }).services[0]?.replicas).toBe(0);
  });
});

describe("the project's name", () => {
  test.each([
    ["My Shop", "myshop"],
    ["_-shop_1", "shop_1"],
    ["ÄÖ", "default"],
    ["9lives", "9lives"],
  ])("of the folder %j is %s", (folder, name) => {
    expect(normaliseName(folder)).toBe(name);
    expect(isProjectName(name)).toBe(true);
  });

  test("-p wins over the file, the file over the folder", () => {
    const text = "name: filed\nservices: {web: {command: x}}";
    expect(project(text).name).toBe("filed");
    expect(project(text, { projectName: "asked" }).name).toBe("asked");
    expect(project("services: {}").name).toBe("myshop");
    expect(
      composeName({ file: "c.yaml", directory: "/x", text: "name: filed\nservices: nonsense", env: {} }),
    ).toBe("filed");
  });
});

describe("what is refused, with the words for it", () => {
  const web = (body: string): string => `services:\n  web:\n    command: "true"\n${indent(body)}\n`;
  test.each([
    // The file as a whole.
    ["", "c.yaml:1: services: a Compose file is a map with the key services"],
    ["- a", "c.yaml:1: services: a Compose file is a map with the key services"],
    ["name: x", "c.yaml:1: services: missing: write a map of services, each with a command"],
    ["services: [web]", 'c.yaml:1: services: ["web"]: write a map of services, each with a command'],
    [
      "services: {web: x}",
      'c.yaml:1: services.web: "x": write a map of keys, like command: ["node", "web.mjs"]',
    ],
    ["service: {}", 'c.yaml:1: service: unknown key, did you mean "services"?'],
    [
      "services: {a b: {command: x}}",
      `c.yaml:1: services["a b"]: a service's name holds letters, digits, dots, dashes and underscores only`,
    ],
    [
      "name: My Shop\nservices: {}",
      'c.yaml:1: name: "My Shop": use lower-case letters, digits, dashes and underscores, beginning with a letter or digit',
    ],
    // YAML itself.
    [
      "services:\n  web: [",
      "c.yaml:2: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["a: 1\na: 2", "c.yaml:2: this is not valid YAML: Map keys must be unique"],
    ["services: *nope", "c.yaml:1: services: no anchor &nope stands before this alias"],
    ["services: &a {web: *a}", "c.yaml:1: services.web.web: the alias *a holds itself"],
    [
      "services: {web: {<<: 7}}",
      'c.yaml:1: services.web["<<"]: a merge key takes a map, as in "<<: *defaults"',
    ],
    ["? [a]\n: b", "c.yaml:1: a key must be plain text"],
    ["services: {web: {command: !reset x}}", "c.yaml:1: this is not valid YAML: Unresolved tag: !reset"],
    // Services.
    [
      "services:\n  web:\n    hostname: h",
      'c.yaml:3: services.web: neither command nor entrypoint says what to run (there is no image to take it from): write command: ["node", "web.mjs"]',
    ],
    [web("comand: x"), 'c.yaml:4: services.web.comand: unknown key, did you mean "command"?'],
    [web("xyzzy: x"), "c.yaml:4: services.web.xyzzy: unknown key"],
    [
      web('entrypoint: "sh \'x"'),
      `c.yaml:4: services.web.entrypoint: "sh 'x": this line cannot be split into words: a quote (') is never closed`,
    ],
    [
      web("entrypoint: {a: b}"),
      'c.yaml:4: services.web.entrypoint: {"a":"b"}: write a line or a list of words, like ["node", "web.mjs"]',
    ],
    [
      web("environment: x"),
      'c.yaml:4: services.web.environment: "x": write a map like NAME: value, or a list like ["NAME=value"]',
    ],
    [
      web("environment:\n  A: [1]"),
      'c.yaml:5: services.web.environment.A: [1]: write a map like NAME: value, or a list like ["NAME=value"]',
    ],
    [
      web("environment: ['=x']"),
      'c.yaml:4: services.web.environment[0]: "=x": write a map like NAME: value, or a list like ["NAME=value"]',
    ],
    [web("ports: 8080"), 'c.yaml:4: services.web.ports: 8080: write a list of ports, like ["8080:80"]'],
    [web("hostname:"), "c.yaml:4: services.web.hostname: null: write a host name"],
    [web("scale: many"), 'c.yaml:4: services.web.scale: "many": write a whole number from 0 to 10000'],
    [web("scale: 1.5"), "c.yaml:4: services.web.scale: 1.5: write a whole number from 0 to 10000"],
    [
      web("scale: 2\ndeploy: {replicas: 3}"),
      "c.yaml:5: services.web.deploy.replicas: 3: scale and deploy.replicas differ (the other says 2): keep one of them",
    ],
    [
      web("dns: resolver.test"),
      'c.yaml:4: services.web.dns: "resolver.test": write the address of a DNS server, or a list of them',
    ],
    [
      web("extra_hosts: [db]"),
      'c.yaml:4: services.web.extra_hosts[0]: "db": write "name:address" like "db:10.5.0.9", or "name:host-gateway" for the host',
    ],
    [
      web("mac_address: 00:11"),
      'c.yaml:4: services.web.mac_address: "00:11": write a MAC address like 02:42:ac:11:00:02',
    ],
    [
      web("network_mode: service:db"),
      'c.yaml:4: services.web.network_mode: "service:db": a namespace shared between services is not supported: put both on one network instead',
    ],
    [
      web("network_mode: brigde"),
      'c.yaml:4: services.web.network_mode: "brigde": write none, host or bridge, or name a network under networks:',
    ],
    [
      web("network_mode: host\nnetworks: [a]"),
      "c.yaml:3: services.web: network_mode and networks exclude each other: keep one",
    ],
    [
      web("network_mode: host\nports: ['80:80']"),
      "c.yaml:3: services.web: network_mode host publishes no ports (its ports are the host's own): remove ports",
    ],
    [
      web("networks: [front]"),
      'c.yaml:4: services.web.networks[0]: there is no network "front": declare it under the top-level networks:',
    ],
    [
      `${web("networks: [fornt]")}networks: {front: }`,
      'c.yaml:4: services.web.networks[0]: there is no network "fornt", did you mean "front"?',
    ],
    [web("networks: [a, a]"), 'c.yaml:4: services.web.networks[1]: "a": this network is listed twice'],
    [
      web("networks: {a: {ipv4_address: fd00::1}}"),
      'c.yaml:4: services.web.networks.a.ipv4_address: "fd00::1": write an IPv4 address like 10.5.0.10',
    ],
    [
      web("networks: {a: {ip4_address: 10.0.0.1}}"),
      'c.yaml:4: services.web.networks.a.ip4_address: unknown key, did you mean "ipv4_address"?',
    ],
    [
      web("networks: {a: b}"),
      'c.yaml:4: services.web.networks.a: "b": write a map of keys, like {aliases: [www]}, or nothing',
    ],
    [web("depends_on: [dba]"), 'c.yaml:4: services.web.depends_on[0]: there is no service "dba"'],
    [
      web("depends_on: [wbe]"),
      'c.yaml:4: services.web.depends_on[0]: there is no service "wbe", did you mean "web"?',
    ],
    [web("depends_on: [web]"), "c.yaml:3: services.web: these services wait for each other: web → web"],
    [
      web("depends_on: {web: {condition: ready}}"),
      'c.yaml:4: services.web.depends_on.web.condition: "ready": write service_started, service_healthy or service_completed_successfully',
    ],
    [
      web("healthcheck: {interval: 5s}"),
      'c.yaml:4: services.web.healthcheck: {"interval":"5s"}: test is missing, like test: ["CMD", "true"]',
    ],
    [
      web("healthcheck: {test: x, interval: 5}"),
      "c.yaml:4: services.web.healthcheck.interval: 5: write a duration like 30s, 1m30s or 500ms",
    ],
    [
      web("restart: sometimes"),
      'c.yaml:4: services.web.restart: "sometimes": write no, always, on-failure or unless-stopped',
    ],
    [web("profiles: debug"), 'c.yaml:4: services.web.profiles: "debug": write a list of profiles'],
    // What only one sandbox can have.
    [
      web("scale: 2\ncontainer_name: c"),
      "c.yaml:3: services.web: only one sandbox can have this container_name, and web has 2 replicas",
    ],
    [
      web("scale: 2\nnetworks: {default: {ipv4_address: 10.0.0.9}}"),
      "c.yaml:5: services.web.networks.default: 10.0.0.9: only one sandbox can have this address, and web has 2 replicas",
    ],
    [
      web("scale: 2\nports: ['8080:80']"),
      "c.yaml:5: services.web.ports[0]: only one sandbox can have a host port, and web has 2 replicas: publish a range of 2 host ports, or none, so that each takes a free one",
    ],
    // Between services.
    [
      "services: {a: {command: x, depends_on: [b]}, b: {command: x, depends_on: [c]}, c: {command: x, depends_on: [b]}}",
      "c.yaml:1: services.b: these services wait for each other: b → c → b",
    ],
    [
      "services: {a: {command: x, depends_on: [b]}, b: {command: x, profiles: [p]}}",
      'c.yaml:1: services.a.depends_on[0]: the service "b" belongs to a profile that is not active (--profile)',
    ],
    [
      "services: {a: {command: x, depends_on: {b: {condition: service_healthy}}}, b: {command: x}}",
      "c.yaml:1: services.a.depends_on.b: b has no healthcheck: give it one, or wait for service_started",
    ],
    [
      "services: {a: {command: x, links: ['b:c']}, b: {command: x}, c: {command: x}}",
      'c.yaml:1: services.a.links[0]: "c": c answers to this name already: take another',
    ],
    // Networks.
    [
      `${web("networks: [a]")}networks: {a: {drivr: bridge}}`,
      'c.yaml:5: networks.a.drivr: unknown key, did you mean "driver"?',
    ],
    [
      `${web("networks: [a]")}networks: {a: {internal: yes}}`,
      'c.yaml:5: networks.a.internal: "yes": write true or false',
    ],
    [
      `${web("networks: [a]")}networks: {a: {ipam: {config: [{subnet: 10.5.0.0}]}}}`,
      'c.yaml:5: networks.a.ipam.config[0].subnet: "10.5.0.0": write a subnet in CIDR form like 10.5.0.0/24',
    ],
    [
      `${web("networks: [a]")}networks: {a: {ipam: {config: {subnet: 10.5.0.0/24}}}}`,
      'c.yaml:5: networks.a.ipam.config: {"subnet":"10.5.0.0/24"}: write a list of pools, like [{subnet: 10.5.0.0/24}]',
    ],
    [
      `${web("networks: [a]")}networks: {a: {driver_opts: {mtu: {x: 1}}}}`,
      'c.yaml:5: networks.a.driver_opts.mtu: {"x":1}: write a map of options, like com.docker.network.driver.mtu: "1400"',
    ],
    // Variables.
    [
      web("hostname: ${H:?give it a name}"),
      'c.yaml:4: services.web.hostname: "${H:?give it a name}": the variable H must be set: give it a name',
    ],
    [web("hostname: ${"), 'c.yaml:4: services.web.hostname: "${": a "${" is never closed with "}"'],
  ])("%s", (text, message) => {
    expect(refusal(() => parse(text))).toEqual({ code: "invalid", message });
  });

  test("--scale of a service that is none", () => {
    const scaled = { scale: new Map([["wbe", 2]]) };
    const message = '--scale: there is no service "wbe", did you mean "web"?';
    expect(refusal(() => parse("services: {web: {command: x}}", scaled))).toEqual({
      code: "invalid",
      message,
    });
  });

  test("-p that is no name", () => {
    const message =
      '--project-name: "My Shop" is no name of a project: use lower-case letters, digits, dashes and underscores, beginning with a letter or digit';
    expect(refusal(() => parse("services: {}", { projectName: "My Shop" }))).toEqual({
      code: "invalid",
      message,
    });
  });

  test("billions of laughs and bottomless nesting end at once", () => {
    const laughs = ["a: &a0 [x, x]"];
    for (let i = 1; i < 30; i++) laughs.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
    expect(refusal(() => parse(laughs.join("\n"))).message).toMatch(
      /^c\.yaml:\d+: the file holds more than 100000 values$/,
    );
    const deep = `services: ${"[".repeat(100)}${"]".repeat(100)}`;
    expect(refusal(() => parse(deep)).message).toMatch(/nested more than 64 levels deep$/);
    const bottomless = `services: ${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    expect(refusal(() => parse(bottomless)).code).toBe("invalid");
  });
});

describe("what netdock does not do", () => {
  const text = `
services:
  web:
    image: nginx
    command: x
    volumes: [".:/app"]
    user: nobody
    sysctls: {kernel.msgmax: 1}
    restart: always
    tty: true
    deploy: {resources: {limits: {cpus: "1"}}}
volumes: {data: }`;

  test("is refused, a line a key, all at once", () => {
    const { code, message } = refusal(() => parse(text));
    expect(code).toBe("unsupported");
    expect(message.split("\n")).toEqual([
      "c.yaml:4: services.web.image is not supported: netdock runs commands of the host's own file system, it has no images",
      "c.yaml:6: services.web.volumes is not supported: the command sees the host's own file system, there are no volumes to mount",
      "c.yaml:7: services.web.user is not supported: netdock makes networks and starts the command as the daemon's user, it does not confine it",
      "c.yaml:8: services.web.sysctls is not supported: kernel.msgmax is no setting of a network (net.…), and a sandbox has no others of its own",
      "c.yaml:11: services.web.deploy.resources is not supported: netdock does not confine commands",
      "c.yaml:12: volumes is not supported: the command sees the host's own file system, there are no volumes to mount",
    ]);
  });

  test("is a warning each with --ignore-unsupported", () => {
    const { warnings, project: parsed } = parse(text, { ignoreUnsupported: true });
    expect(parsed.services[0]?.command).toEqual(["x"]);
    expect(warnings).toHaveLength(8);
    expect(warnings[0]).toBe(
      "c.yaml:4: services.web.image is not supported: netdock runs commands of the host's own file system, it has no images (ignored)",
    );
    expect(warnings.slice(6)).toEqual([
      "c.yaml:9: services.web.restart has no effect: a service that ends is started again by the next `netdock up`",
      "c.yaml:10: services.web.tty has no effect: the daemon starts services without a terminal",
    ]);
  });

  test("an image alone still leaves nothing to run", () => {
    const { message } = refusal(() => parse("services: {web: {image: nginx}}", { ignoreUnsupported: true }));
    expect(message).toMatch(/^c\.yaml:1: services\.web: neither command nor entrypoint/);
  });
});

function refusal(act: () => unknown): { readonly code: string; readonly message: string } {
  try {
    act();
  } catch (error) {
    if (isNetError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was refused");
}
