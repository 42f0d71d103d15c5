import fc from "fast-check";

/** Texts that a field of Docker's API may hold, and many that none should. */
const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...[
      "",
      " ",
      "\0",
      "/",
      "..",
      "%2e",
      "__proto__",
      "constructor",
      "default",
      "bridge",
      "host",
      "none",
      "null",
    ],
    ...[
      "web",
      "front",
      "back",
      "overlay",
      "macvlan",
      "local",
      "swarm",
      "true",
      "false",
      "0",
      "-1",
      "1e3",
      "NaN",
    ],
    ...[
      "10.9.0.0/24",
      "10.9.0.7/24",
      "10.9.0.1",
      "10.9.0.255",
      "0.0.0.0/0",
      "255.255.255.255/32",
      "10.9.0.0/33",
    ],
    ...[
      "fd00:9::/64",
      "fd00:9::1",
      "::",
      "::/0",
      "::ffff:10.9.0.1",
      "ff02::1",
      "fe80::1",
      "fe80::1%eth0",
      "169.254.1.1",
    ],
    ...[
      "02:00:00:00:00:01",
      "ff:ff:ff:ff:ff:ff",
      "00:00:00:00:00:00",
      "eth0",
      "a".repeat(300),
      "é",
      "\u202e",
      "👩‍👩‍👧",
    ],
    ...[
      "80/tcp",
      "0/tcp",
      "65536",
      "8080-8090",
      "net.ipv4.conf.IFNAME.log_martians=1",
      "net.ipv4.ip_forward=1",
    ],
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
);

const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -1, 1, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, 1e308, 5e-324, 0.5),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any JSON value at all. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  number,
  text,
  fc.array(text, { maxLength: 4 }),
  fc.dictionary(text, fc.oneof(text, number, fc.constant(null)), { maxKeys: 4, noNullPrototype: true }),
  fc.jsonValue({ maxDepth: 4 }),
);

/** Mostly of the right kind, now and then of any other. */
function mostly<T>(right: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: anything });
}

/** One of these, at times any text. */
function often(...values: readonly string[]): fc.Arbitrary<unknown> {
  return mostly(
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: text }),
  );
}

function record(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> {
  return fc.record(fields, { requiredKeys: [], noNullPrototype: true });
}

const bool = mostly(fc.constantFrom(false, false, false, false, true));
const texts = mostly(fc.array(text, { maxLength: 3 }));

const OPTIONS = [
  ...[
    "com.docker.network.bridge.name",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.driver.mtu",
  ],
  ...["com.docker.network.bridge.gateway_mode_ipv4", "com.docker.network.bridge.enable_ip_masquerade"],
  ...["com.docker.network.bridge.host_binding_ipv4", "com.docker.network.enable_ipv6", "parent", "__proto__"],
  ...["com.docker.network.endpoint.sysctls", "com.docker.network.endpoint.ifname"],
];
const options = mostly(
  fc.dictionary(fc.oneof(fc.constantFrom(...OPTIONS), text), mostly(text), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
);

const endpointSettings = record({
  IPAMConfig: mostly(
    record({
      IPv4Address: often("10.8.0.9", "10.8.0.1", ""),
      IPv6Address: often("", "fd00:8::9"),
      LinkLocalIPs: texts,
    }),
  ),
  Links: texts,
  Aliases: texts,
  MacAddress: often("", "02:00:00:00:00:01"),
  DriverOpts: options,
  GwPriority: mostly(number),
});

const networkCreate = record({
  Name: often("made", "made-2"),
  Driver: often("bridge", ""),
  Scope: often("", "local"),
  EnableIPv4: bool,
  EnableIPv6: bool,
  IPAM: mostly(
    record({
      Driver: often("default", ""),
      Options: options,
      Config: mostly(
        fc.array(
          record({
            Subnet: often("10.9.0.0/24", "10.8.0.0/16", "fd00:9::/64"),
            IPRange: often("", "10.9.0.128/25"),
            Gateway: often("", "10.9.0.1", "10.9.0.0"),
            AuxiliaryAddresses: options,
          }),
          { maxLength: 3 },
        ),
      ),
    }),
  ),
  Internal: bool,
  Attachable: bool,
  Ingress: bool,
  ConfigOnly: bool,
  ConfigFrom: mostly(record({ Network: often("", "front") })),
  Options: options,
  Labels: options,
});

const containerCreate = record({
  Image: often("host"),
  Cmd: mostly(fc.oneof(fc.constant(["sleep", "1"]), fc.array(text, { maxLength: 3 }))),
  Entrypoint: texts,
  Env: texts,
  Hostname: mostly(text),
  Tty: bool,
  OpenStdin: bool,
  WorkingDir: mostly(text),
  Labels: options,
  ExposedPorts: mostly(fc.dictionary(text, anything, { maxKeys: 2, noNullPrototype: true })),
  HostConfig: mostly(
    record({
      NetworkMode: often("front", "bridge", "none", "host", "default"),
      PortBindings: mostly(
        fc.dictionary(
          text,
          mostly(
            fc.array(record({ HostIp: often("", "127.0.0.1"), HostPort: often("8080", "") }), {
              maxLength: 2,
            }),
          ),
          { maxKeys: 2, noNullPrototype: true },
        ),
      ),
      Dns: texts,
      ExtraHosts: texts,
      AutoRemove: bool,
      PublishAllPorts: bool,
      Sysctls: options,
    }),
  ),
  NetworkingConfig: mostly(
    record({
      EndpointsConfig: mostly(
        fc.dictionary(text, mostly(endpointSettings), { maxKeys: 2, noNullPrototype: true }),
      ),
    }),
  ),
});

const SHAPES: readonly (readonly [path: RegExp, body: fc.Arbitrary<object>])[] = [
  [/\/networks\/create$/, networkCreate],
  [/\/connect$/, record({ Container: mostly(fc.constant("web")), EndpointConfig: mostly(endpointSettings) })],
  [/\/disconnect$/, record({ Container: mostly(fc.constant("web")), Force: bool })],
  [/\/containers\/create$/, containerCreate],
  [
    /\/exec$/,
    record({
      Cmd: mostly(fc.constant(["true"])),
      Env: texts,
      Tty: bool,
      WorkingDir: mostly(text),
      DetachKeys: text,
    }),
  ],
];

/** JSON that no `JSON.stringify` writes. */
const strange: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...[
      '{"Name":1e999}',
      '{"Name":-0}',
      '{"GwPriority":123456789012345678901234567890}',
      '{"Name":"\\ud800"}',
    ],
    ...[
      '{"Name":"a","Name":"b"}',
      '{"name":"lower"}',
      "{}{}",
      "{}]",
      "[]",
      "null",
      "0",
      '"text"',
      "{",
      "",
      " ",
    ],
    ...[
      '{"__proto__":{"Name":"x"}}',
      '{"Name":"a",}',
      "{'Name':'a'}",
      "\ufeff{}",
      "tru",
      '{"Name":"\u0001"}',
    ],
  ),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '{"Options":'.repeat(depth)),
);

/** Bodies for a `POST` to this path: right ones with wild values, wrong ones, cut ones, and what is no JSON. */
export function bodiesFor(path: string): fc.Arbitrary<string> {
  const shape = SHAPES.find(([pattern]) => pattern.test(path))?.[1] ?? fc.constant({});
  const near = shape.map((body) => JSON.stringify(body));
  return fc.oneof(
    { weight: 8, arbitrary: near },
    { weight: 1, arbitrary: near.chain((whole) => fc.nat(whole.length).map((at) => whole.slice(0, at))) },
    { weight: 1, arbitrary: anything.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: strange },
  );
}
