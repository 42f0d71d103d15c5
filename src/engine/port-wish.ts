import { familyOf, isUnspecified, parseIp, type Family, type Ip } from "../base/ip.ts";
import type { PortBinding, PortMapping } from "../model/ports.ts";

/** A binding before it is known which endpoint receives it. */
export type HeldPort = Omit<PortBinding, "endpointId">;

/** A family in which a sandbox publishes, and where: absent, on every address of the host. */
export interface PublishPlace {
  readonly family: Family;
  readonly defaultIp: Ip | undefined;
  /** Published at the sandbox's own address only: nothing of the host's is held, or led there. */
  readonly opened: boolean;
}

/** Free numbers tried before giving up: another process may have the same number on the other family. */
const EPHEMERAL_TRIES = 16;

/** Ports of the host to try for a mapping, in this order; undefined is one that the host finds free. `known`: in the other family. */
export function numbersOf(mapping: PortMapping, known: number | undefined): (number | undefined)[] {
  const { hostPort, hostPortLast = hostPort } = mapping;
  if (hostPort === undefined || hostPortLast === undefined) {
    return [known, ...Array.from({ length: EPHEMERAL_TRIES - 1 }, () => undefined)];
  }
  const range = Array.from({ length: hostPortLast - hostPort + 1 }, (_, i) => hostPort + i);
  return known === undefined ? range : [known, ...range.filter((port) => port !== known)];
}

/**
 * Host addresses of a mapping: its own, the networks' defaults, or every address. Where a sandbox publishes in one family
 * only, the proxy leads there from the other; as in Docker, "every address" of the host is its IPv6 ones, too.
 */
export function hostIps(mapping: PortMapping, places: readonly PublishPlace[]): Ip[] {
  const placeOf = (ip: Ip): PublishPlace | undefined => places.find((p) => p.family === familyOf(ip));
  const held = places.filter((place) => !place.opened);
  if (held.length === 0) return [];
  // There is no proxy for SCTP.
  const reached = (ip: Ip): boolean => {
    const place = placeOf(ip);
    return place === undefined ? mapping.protocol !== "sctp" : !place.opened;
  };
  if (mapping.hostIp !== undefined) return [mapping.hostIp].filter(reached);
  const ips = held.flatMap(({ family, defaultIp }) => {
    if (defaultIp === undefined || isUnspecified(defaultIp)) return [EVERY[family]];
    // The other family's own place says where that is published.
    return familyOf(defaultIp) !== family && placeOf(defaultIp) !== undefined ? [] : [defaultIp];
  });
  if (ips.includes(EVERY[4]) && placeOf(EVERY[6]) === undefined) ips.push(EVERY[6]);
  return ips.filter(reached);
}

/** A sandbox holds a port of an address once. */
export function isSamePort(a: HeldPort, b: HeldPort): boolean {
  return a.hostPort === b.hostPort && a.hostIp === b.hostIp && a.protocol === b.protocol;
}

const EVERY = { 4: parseIp("0.0.0.0"), 6: parseIp("::") } as const;

export function fulfils(port: HeldPort, mapping: PortMapping): boolean {
  return (
    port.protocol === mapping.protocol &&
    port.containerPort === mapping.containerPort &&
    port.count === mapping.count &&
    (mapping.hostIp === undefined || mapping.hostIp === port.hostIp) &&
    (mapping.hostPort === undefined ||
      (mapping.hostPort <= port.hostPort && port.hostPort <= (mapping.hostPortLast ?? mapping.hostPort)))
  );
}
