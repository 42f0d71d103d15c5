import type { Cidr, Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { Endpoint, EndpointLink } from "../model/endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { EgressPolicy, EgressRule, PortSpan } from "../model/network.ts";
import { PROTOCOLS } from "../model/ports.ts";
import {
  integer,
  list,
  map,
  object,
  type OptionalFields,
  type RequiredFields,
  type Schema,
  text,
  word,
} from "./schema.ts";

/** Fields that several answers have, the endpoint, and the policy that endpoints and networks have. */

export const cidr = (description: string): Schema<Cidr> =>
  text<Cidr>(description, { examples: ["10.5.0.7/24"] });
export const subnet = (description: string): Schema<Subnet> =>
  text<Subnet>(description, { examples: ["10.5.0.0/24"] });
export const ip = (description: string): Schema<Ip> => text<Ip>(description, { examples: ["10.5.0.7"] });
export const mac = text<Mac>("MAC address", { examples: ["02:42:0a:05:00:07"] });
export const time = (description: string): Schema<string> =>
  text(`${description} (RFC 3339, UTC)`, { examples: ["2026-01-31T12:00:00.000Z"] });
export const count = (description: string): Schema<number> =>
  integer(description, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const port = (description: string): Schema<number> =>
  integer(description, { minimum: 1, maximum: 65_535 });
export const id = <T extends string>(of: string): Schema<T> =>
  text<T>(`Id of the ${of}: 64 hexadecimal digits`);
export const texts = (description: string): Schema<Readonly<Record<string, string>>> =>
  map(description, text("Value"));
export const portSpan = object<PortSpan>({
  id: "PortSpan",
  description: "Neighbouring ports",
  required: {
    protocol: word("Protocol", PROTOCOLS),
    first: port("First port"),
    last: port("Last port"),
  },
  optional: {},
});

export const egressRule = object<EgressRule>({
  id: "EgressRule",
  description: "One rule",
  required: {
    action: word("What becomes of a match", ["allow", "deny"]),
    to: subnet("Destinations"),
    ports: list("Ports; none: every port and protocol", portSpan),
  },
  optional: {},
});

export const egressPolicy = object<EgressPolicy>({
  id: "EgressPolicy",
  description: "Where members may open connections to, as it is stored",
  required: {
    default: word("What becomes of what no rule matches", ["allow", "deny"]),
    rules: list("Rules, of which the first that matches decides", egressRule),
  },
  optional: {},
});
export const endpointRequired: RequiredFields<Endpoint> = {
  id: id<EndpointId>("endpoint"),
  networkId: id<NetworkId>("network"),
  sandboxId: id<SandboxId>("sandbox"),
  aliases: list("Names that resolve to it on its network, the sandbox's own first", text("Name")),
  gwPriority: integer("The highest holds the default route", { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }),
  options: texts("Driver options"),
};
export const endpointOptional: OptionalFields<Endpoint> = {
  links: list(
    "What this sandbox alone calls others on the network",
    object<EndpointLink>({
      description: "One name",
      required: { alias: text("What it calls the other"), name: text("A name of the other") },
      optional: {},
    }),
  ),
  mac,
  ipv4: cidr("IPv4 address with the network's prefix length"),
  ipv6: cidr("IPv6 address with the network's prefix length"),
  linkLocalIps: list("Link-local addresses that were asked for", cidr("Address")),
  gateway4: ip("IPv4 next hop for traffic that leaves the network"),
  gateway6: ip("IPv6 next hop for traffic that leaves the network"),
  interfaceName: text("Name of the link in the sandbox", { examples: ["eth0"] }),
  hostInterface: text("Name of the link's other end on the host"),
  policy: egressPolicy,
};

export const endpoint: Schema<Endpoint> = object<Endpoint>({
  id: "Endpoint",
  description: "Joins one sandbox to one network",
  required: endpointRequired,
  optional: endpointOptional,
});
