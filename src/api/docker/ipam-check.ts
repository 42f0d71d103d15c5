import { cidrParts, contains, overlaps, subnetOf, tryParseCidr, type Cidr } from "../../base/cidr.ts";
import { NetError } from "../../base/errors.ts";
import { familyOf, tryParseIp } from "../../base/ip.ts";

/** One pool as Docker's API takes it. */
export interface PoolConfig {
  readonly Subnet: string;
  readonly IPRange: string;
  readonly Gateway: string;
  readonly AuxiliaryAddresses: Readonly<Record<string, string>>;
}

/** Throws `invalid` with everything that is wrong with the pools, a line each, as moby's ValidateIPAM does. */
export function checkPools(pools: readonly PoolConfig[], enableIPv6: boolean): void {
  const wrong = pools.flatMap((pool) => faultsOf(pool, enableIPv6));
  if (wrong.length === 0) return;
  const message = `invalid network config:\n${wrong.join("\n")}`;
  throw new NetError("invalid", "network.create", { message, field: "IPAM.Config" });
}

function faultsOf(pool: PoolConfig, enableIPv6: boolean): string[] {
  const cidr = tryParseCidr(pool.Subnet);
  if (cidr === undefined) return [`invalid subnet ${pool.Subnet}: invalid CIDR block notation`];
  const { family } = cidrParts(cidr);
  if (family === 6 && !enableIPv6) return [];
  const subnet = subnetOf(cidr);
  const gateway = faultOf(pool.Gateway, cidr);
  return [
    ...(subnet === cidr ? [] : [`invalid subnet ${cidr}: it should be ${subnet}`]),
    ...rangeFaults(pool.IPRange, cidr),
    ...(gateway === undefined ? [] : [`invalid gateway ${pool.Gateway}: ${gateway}`]),
    ...Object.entries(pool.AuxiliaryAddresses).flatMap(([name, text]) => {
      const fault = faultOf(text, cidr);
      return fault === undefined ? [] : [`invalid auxiliary address ${name}: ${fault}`];
    }),
  ];
}

function rangeFaults(text: string, cidr: Cidr): string[] {
  if (text === "") return [];
  const range = tryParseCidr(text);
  if (range === undefined) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  const parent = cidrParts(cidr);
  const parts = cidrParts(range);
  if (parts.family !== parent.family) {
    return [`invalid ip-range ${text}: parent subnet is an IPv${parent.family} block`];
  }
  const should = subnetOf(range);
  return [
    ...(parts.length < parent.length
      ? [`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${cidr}`]
      : []),
    ...(should === range ? [] : [`invalid ip-range ${range}: it should be ${should}`]),
    ...(overlaps(subnetOf(cidr), should)
      ? []
      : [`invalid ip-range ${text}: parent subnet ${cidr} doesn't contain ip-range`]),
  ];
}

function faultOf(text: string, cidr: Cidr): string | undefined {
  if (text === "") return undefined;
  const ip = tryParseIp(text);
  if (ip === undefined) return "invalid address";
  const { family } = cidrParts(cidr);
  if (familyOf(ip) !== family) return `parent subnet is an IPv${family} block`;
  return contains(subnetOf(cidr), ip) ? undefined : `parent subnet ${cidr} doesn't contain this address`;
}
