import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { peerElements } from "../../plan/firewall/index.ts";
import { BridgeLab, natElements, PATIENCE_MS } from "../../testkit/bridge-lab.ts";
import { NETLINK } from "../../wire/netlink/numbers.ts";
import { NetlinkSocket } from "../netlink-socket.ts";
import { checkBatch, compileChange, compileTable } from "./index.ts";

const BRIDGES = ["a", "b", "c"].map((name, i) => ({
  bridge: `nd-${name}`,
  net: i + 1,
  members: [`${name}1`],
}));
const MEMBERS = ["a1", "b1", "c1"];

const PEERS = {
  none: [],
  "both ways": [
    { from: "nd-a", to: "nd-b", ports: [] },
    { from: "nd-b", to: "nd-a", ports: [] },
  ],
  "one way, given ports": [
    {
      from: "nd-a",
      to: "nd-b",
      ports: [
        { protocol: "tcp", first: 80, last: 80 },
        { protocol: "udp", first: 8000, last: 8009 },
      ],
    },
  ],
} as const;

/** Who reaches which port of whom, as `a1>b1 tcp 80`, with the own address; whatever is not listed is dropped. */
const OPEN: Readonly<Record<keyof typeof PEERS, readonly string[]>> = {
  none: [],
  "both ways": ["a1>b1", "b1>a1"].flatMap((way) =>
    ["tcp", "udp"].flatMap((protocol) => [80, 8009, 8010].map((port) => `${way} ${protocol} ${port}`)),
  ),
  "one way, given ports": ["a1>b1 tcp 80", "a1>b1 udp 8009"],
};

describe("peers", () => {
  let lab: BridgeLab;
  let socket: NetlinkSocket;

  beforeAll(() => {
    lab = new BridgeLab(BRIDGES, { brNetfilter: true });
    socket = lab.host.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x2_0000)));
    const batch = compileTable(natElements(BRIDGES), { observed: undefined, firstSeq: 1 });
    checkBatch(batch, socket.sendRaw(batch.bytes), "test");
  });

  afterAll(() => {
    socket.close();
    lab[Symbol.dispose]();
  });

  test.each(Object.keys(PEERS) as (keyof typeof PEERS)[])("%s", (name) => {
    const elements = PEERS[name].flatMap(peerElements);
    const change = (add: typeof elements, remove: typeof elements): void => {
      const batch = compileChange({ add, remove }, 1);
      if (batch !== undefined) checkBatch(batch, socket.sendRaw(batch.bytes), "test");
    };
    change(elements, []);
    for (const family of [0, 1] as const) {
      const seen = MEMBERS.flatMap((from) =>
        MEMBERS.filter((to) => to !== from).flatMap((to) =>
          (["tcp", "udp"] as const).flatMap((protocol) =>
            [80, 8009, 8010].flatMap((port) => {
              const at = { ip: lab.addresses(to)[family], port };
              const path = `${from}>${to} ${protocol} ${port}`;
              const timeoutMs = OPEN[name].includes(path) ? PATIENCE_MS : 60;
              const heard = lab.ask({ protocol, from, server: to, at, to: at, timeoutMs });
              if (heard === "dropped") return [];
              return [heard === lab.addresses(from)[family] ? path : `${path} as ${heard}`];
            }),
          ),
        ),
      );
      expect(seen.toSorted()).toEqual(OPEN[name].toSorted());
    }
    change([], elements);
    const at = { ip: lab.addresses("b1")[0], port: 80 };
    expect(lab.ask({ protocol: "tcp", from: "a1", server: "b1", at, to: at, timeoutMs: 60 })).toBe("dropped");
  });
});
