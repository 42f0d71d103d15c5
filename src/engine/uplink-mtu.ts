import type { Driver } from "../model/driver.ts";
import type { NetworkRequest } from "../model/network.ts";
import type { Core } from "./core.ts";

const ETHERNET = 1500;
/** RFC 8200 section 5; with less the kernel switches IPv6 off on a link. */
const IPV6_MIN = 1280;

/**
 * Options of a network. Where its members leave by a link of the host that takes less than Ethernet does (a tunnel, a cloud's
 * overlay) and the user says nothing, the network's links get that MTU, and `inspect` shows it: packets too large would be lost
 * wherever the ICMP that says so is. Jumbo frames are taken only by those who ask for them, as in Docker.
 */
export function optionsFor(core: Core, driver: Driver, request: NetworkRequest): Record<string, string> {
  const options = { ...request.options };
  const key = driver.mtuOption;
  if (key === undefined || request.internal === true || (options[key] ?? "") !== "") return options;
  const mtuBytes = core.host.uplinkMtu();
  if (mtuBytes === undefined || mtuBytes >= ETHERNET) return options;
  if (request.enableIPv6 === true && mtuBytes < IPV6_MIN) return options;
  return { ...options, [key]: String(mtuBytes) };
}
