import { makeCidr, parseSubnet, type Subnet } from "../base/cidr.ts";
import { invalid } from "../base/errors.ts";
import { bitsOf, familyOf, tryParseIp, type Ip } from "../base/ip.ts";
import { widest } from "../plan/firewall/index.ts";

/**
 * Takes the allow-list off a published port's spelling: `8080:80,from=192.0.2.0/24,from=fd00:2::9`. `from` is empty where there
 * is none. Throws `invalid` naming `field`.
 */
export function takeSources(
  text: string,
  field: string,
  op: string,
): { readonly spec: string; readonly from: readonly Subnet[] } {
  const [spec = "", ...options] = text.split(",");
  const from: Subnet[] = [];
  for (const option of options) {
    const source = /^from=(.*)$/.exec(option)?.[1];
    if (source === undefined) {
      throw invalid(field, text, "behind the port, write ,from=CIDR for each source that may use it", op);
    }
    const ip = tryParseIp(source);
    from.push(ip === undefined ? parseSubnet(source, field, op) : oneAddress(ip));
  }
  return { spec, from: widest(from) };
}

const oneAddress = (ip: Ip): Subnet => makeCidr(ip, bitsOf(familyOf(ip))) as Subnet;
