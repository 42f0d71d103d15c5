import { contains, tryParseCidr } from "../../base/cidr.ts";
import { tryParseIp } from "../../base/ip.ts";
import type { NetworkRequest, PoolRequest } from "../client.ts";
import { badFlag, type Flags, splitPair } from "../flags.ts";
import type { Call } from "../spec.ts";
import { printLine } from "../view/output.ts";

export async function runNetworkCreate({ context, client, flags, args }: Call): Promise<number> {
  const network = await client.createNetwork(networkRequest(args[0] as string, flags));
  printLine(context, network.id);
  return 0;
}

export function networkRequest(name: string, flags: Flags): NetworkRequest {
  const driver = flags.text("driver");
  const configFrom = flags.text("configFrom");
  const ipv4 = flags.choice("ipv4");
  const ipv6 = flags.choice("ipv6");
  const ipamDriver = flags.text("ipamDriver");
  const ipamOptions = flags.pairs("ipamOpt");
  const config = pools(flags);
  const ipam = {
    ...(ipamDriver === undefined ? {} : { driver: ipamDriver }),
    ...(Object.keys(ipamOptions).length === 0 ? {} : { options: ipamOptions }),
    ...(config.length === 0 ? {} : { config }),
  };
  return {
    name,
    ...(driver === undefined ? {} : { driver }),
    ...(flags.has("internal") ? { internal: true } : {}),
    ...(ipv4 === undefined ? {} : { enableIPv4: ipv4 }),
    ...(ipv6 === undefined ? {} : { enableIPv6: ipv6 }),
    ...(flags.has("configOnly") ? { configOnly: true } : {}),
    ...(configFrom === undefined ? {} : { configFrom }),
    ...(Object.keys(ipam).length === 0 ? {} : { ipam }),
    options: flags.pairs("opt"),
    labels: flags.pairs("label"),
  };
}

type Draft = { -readonly [K in keyof PoolRequest]: PoolRequest[K] };

/**
 * Docker's pairing: each --ip-range, --gateway and --aux-address goes to the one --subnet that contains it, and a subnet
 * takes one range and one gateway.
 */
function pools(flags: Flags): PoolRequest[] {
  const drafts = flags.list("subnet").map((text): Draft => {
    if (tryParseCidr(text) === undefined)
      throw badFlag("--subnet", text, "write a subnet like 10.5.0.0/24 or fd00:5::/64");
    return { subnet: text };
  });
  const home = (flag: string, text: string, inner: string): Draft => {
    if (drafts.length === 0) throw badFlag(flag, text, "give the --subnet it belongs to as well");
    const parsed = tryParseIp(inner) ?? tryParseCidr(inner);
    if (parsed === undefined) {
      throw badFlag(
        flag,
        text,
        flag === "--ip-range" ? "write a range like 10.5.0.128/25" : "write an IP address",
      );
    }
    const draft = drafts.find(({ subnet }) => {
      const outer = tryParseCidr(subnet as string);
      return outer !== undefined && contains(outer, parsed);
    });
    if (draft !== undefined) return draft;
    const subnets = drafts.map(({ subnet }) => subnet).join(", ");
    throw badFlag(flag, text, `it must lie in one of the subnets (${subnets})`);
  };
  for (const range of flags.list("ipRange")) {
    const draft = home("--ip-range", range, range);
    if (draft.ipRange !== undefined)
      throw badFlag("--ip-range", range, `${draft.subnet} has one already: ${draft.ipRange}`);
    draft.ipRange = range;
  }
  for (const gateway of flags.list("gateway")) {
    const draft = home("--gateway", gateway, gateway);
    if (draft.gateway !== undefined)
      throw badFlag("--gateway", gateway, `${draft.subnet} has one already: ${draft.gateway}`);
    draft.gateway = gateway;
  }
  for (const aux of flags.list("auxAddress")) {
    const [name, ip] = splitPair(aux, "--aux-address");
    if (!aux.includes("=")) throw badFlag("--aux-address", aux, "write name=address like printer=10.5.0.9");
    const draft = home("--aux-address", aux, ip);
    draft.auxAddresses = { ...draft.auxAddresses, [name]: ip };
  }
  return drafts;
}
