import { invalid } from "../base/errors.ts";
import type { Driver } from "../model/driver.ts";
import { EMPTY_BLUEPRINT } from "../model/ops.ts";
import { unknownOption } from "./options.ts";

/** What `host` and `none` share: one predefined network each, no link, no address, no options. */
export function plainDriver(name: "host" | "none"): Driver {
  return {
    name,
    capabilities: {
      scope: "local",
      ipam: "null",
      gateway: false,
      links: false,
      hostEnd: false,
      publish: false,
      single: true,
    },
    checkNetwork(request) {
      for (const [key, value] of Object.entries(request.options ?? {}))
        throw unknownOption(key, value, [], name, "network.create");
    },
    checkEndpoint(_network, request) {
      const right = `the ${name} network has no addresses of its own; leave it out`;
      for (const field of ["ipv4", "ipv6", "linkLocalIps", "mac", "interfaceName"] as const) {
        const value = request[field];
        if (value !== undefined) throw invalid(field, value, right, "endpoint.attach");
      }
      for (const [key, value] of Object.entries(request.options ?? {}))
        throw unknownOption(key, value, [], name, "endpoint.attach");
    },
    network: () => EMPTY_BLUEPRINT,
    endpoint: () => EMPTY_BLUEPRINT,
    interfacePrefix: () => "eth",
  };
}
