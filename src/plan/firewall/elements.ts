import { familyOf, isUnspecified, type Ip } from "../../base/ip.ts";
import type { FirewallChange, FirewallElement } from "../../model/firewall.ts";
import type { PortBinding } from "../../model/ports.ts";

/**
 * A published binding's elements. One port is one element. A range with equal ports on both sides is one interval element;
 * any other range is an element a port, since nf_tables can keep a port or set it, but not shift it: nft_nat knows no base
 * port (NF_NAT_RANGE_PROTO_OFFSET is xt_nat's alone), and a range of ports to choose from begins with its first for everybody.
 * The addresses must be `translatable`.
 */
export function publishElements(
  binding: Pick<PortBinding, "protocol" | "hostIp" | "hostPort" | "containerPort" | "count">,
  target: Ip,
): FirewallElement[] {
  const { protocol, hostIp, hostPort, containerPort, count } = binding;
  const family = familyOf(hostIp);
  const any = isUnspecified(hostIp);
  const key = (port: number): (string | number)[] => (any ? [protocol, port] : [hostIp, protocol, port]);
  const map = `publish${family}${any ? "-any" : ""}`;
  if (count > 1 && hostPort === containerPort) {
    return [{ map: `${map}-range`, key: key(hostPort), keyEnd: key(hostPort + count - 1), data: [target] }];
  }
  return Array.from({ length: count }, (_, i) => ({
    map,
    key: key(hostPort + i),
    data: [target, containerPort + i],
  }));
}

/**
 * Whether the kernel can lead a port of the host to a sandbox's address; otherwise it takes a proxy. It does not translate
 * between families, and drops answers translated back to ::1: 127.0.0.0/8 works by route_localnet, which IPv6 lacks.
 */
export function translatable(hostIp: Ip, target: Ip): boolean {
  return familyOf(hostIp) === familyOf(target) && hostIp !== "::1";
}

/** Identity of an element: two elements with the same text cannot be in the table at once. */
export function elementKey(element: FirewallElement): string {
  const { map, key, keyEnd } = element;
  return `${map} ${key.join(" . ")}${keyEnd === undefined ? "" : ` - ${keyEnd.join(" . ")}`}`;
}

/** What a key maps to, as text; empty for a set. */
export function elementData(element: FirewallElement): string {
  const { data } = element;
  return data === undefined ? "" : typeof data === "string" ? data : data.join(" . ");
}

/** The change that makes `from` into `to`. A key whose data differs is removed and added: one transaction does both. */
export function diffElements(
  from: readonly FirewallElement[],
  to: readonly FirewallElement[],
): FirewallChange {
  const rest = new Map(from.map((element) => [elementKey(element), element]));
  const add: FirewallElement[] = [];
  for (const element of to) {
    const key = elementKey(element);
    const old = rest.get(key);
    if (old !== undefined && elementData(old) === elementData(element)) rest.delete(key);
    else add.push(element);
  }
  return { add, remove: [...rest.values()] };
}
