import type { Family, Ip } from "../../base/ip.ts";
import type { FirewallChange, FirewallElement } from "../../model/firewall.ts";

/** A flow as far as it matters here: where its first packet was sent, and who answers. */
export interface TranslatedFlow {
  readonly family: Family;
  readonly destination: Ip;
  readonly destinationPort: number;
  readonly answerer: Ip;
  readonly answererPort: number;
}

/** A published UDP port or range of ports, as one element of the publish maps says it. */
interface Published {
  readonly family: Family;
  /** Undefined: on every address of the host. */
  readonly hostIp: Ip | undefined;
  readonly first: number;
  readonly last: number;
  readonly target: Ip;
  /** Undefined: the port stays as it is. */
  readonly targetPort: number | undefined;
}

/** Which flows a change of the firewall has made wrong. */
export interface StaleFlows {
  readonly family: Family;
  /** What all of them have in common, where they do. */
  readonly hostIp: Ip | undefined;
  readonly hostPort: number | undefined;
  /** `isLocal` tells the host's own addresses. */
  matches(flow: TranslatedFlow, isLocal: (ip: Ip) => boolean): boolean;
}

/**
 * The kernel translates a flow once, at its first packet. A UDP client that goes on sending from the same port keeps its flow
 * alive, so it would never learn of a port that was published, moved or removed. (TCP begins anew by itself, and what is
 * established lives on, as with Docker.) A flow is stale when it goes where a removed element led it, or was sent to an
 * added element's port and goes elsewhere. At most one answer a family.
 */
export function staleFlows({ add, remove }: FirewallChange): StaleFlows[] {
  const added = add.flatMap(publishedUdp);
  const removed = remove.flatMap(publishedUdp);
  if (added.length === 0 && removed.length === 0) return [];
  const [addedAt, removedAt] = [byPort(added), byPort(removed)];
  return ([4, 6] as const).flatMap((family) => {
    const here = [...added, ...removed].filter((p) => p.family === family);
    if (here.length === 0) return [];
    const [{ hostIp, first }] = here as [Published];
    return [
      {
        family,
        hostIp: here.every((p) => p.hostIp === hostIp) ? hostIp : undefined,
        hostPort: here.every((p) => p.first === first && p.last === first) ? first : undefined,
        matches: (flow: TranslatedFlow, isLocal: (ip: Ip) => boolean): boolean =>
          flow.family === family &&
          (at(removedAt, flow).some((p) => covers(p, flow, isLocal) && leadsTo(p, flow)) ||
            at(addedAt, flow).some((p) => covers(p, flow, isLocal) && !leadsTo(p, flow))),
      },
    ];
  });
}

/** Elements of the maps that `publishElements` fills. */
function publishedUdp({ map, key, keyEnd, data }: FirewallElement): Published[] {
  const match = /^publish([46])(-any)?(-range)?$/.exec(map);
  if (match === null || !Array.isArray(data)) return [];
  const [hostIp, protocol, port] = match[2] === undefined ? key : [undefined, ...key];
  if (protocol !== "udp") return [];
  const [target, targetPort] = data as readonly (string | number)[];
  return [
    {
      family: match[1] === "4" ? 4 : 6,
      hostIp: hostIp as Ip | undefined,
      first: port as number,
      last: (keyEnd?.at(-1) ?? port) as number,
      target: target as Ip,
      targetPort: targetPort as number | undefined,
    },
  ];
}

/** By port and family: a busy host has as many flows as it has ports published. */
function byPort(published: readonly Published[]): ReadonlyMap<string, readonly Published[]> {
  const rows = published.flatMap((p) =>
    Array.from({ length: p.last - p.first + 1 }, (_, i) => [`${p.family} ${p.first + i}`, p] as const),
  );
  return new Map([...Map.groupBy(rows, ([key]) => key)].map(([key, list]) => [key, list.map(([, p]) => p)]));
}

function at(index: ReturnType<typeof byPort>, flow: TranslatedFlow): readonly Published[] {
  return index.get(`${flow.family} ${flow.destinationPort}`) ?? [];
}

function covers(p: Published, flow: TranslatedFlow, isLocal: (ip: Ip) => boolean): boolean {
  const { destination } = flow;
  if (p.hostIp !== undefined) return p.hostIp === destination;
  // An address that the host had and has no more: then the translation tells that the flow was one of these.
  return isLocal(destination) || leadsTo(p, flow);
}

function leadsTo(p: Published, flow: TranslatedFlow): boolean {
  return flow.answerer === p.target && flow.answererPort === (p.targetPort ?? flow.destinationPort);
}
