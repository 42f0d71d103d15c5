import { expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import { withHostNamespace } from "../testkit/kernel.ts";
import { addAddress, decodeAddress, deleteAddress, dumpAddresses } from "../wire/netlink/address.ts";
import { addLink, decodeLink, getLink } from "../wire/netlink/link.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

const bridge = (name: string) => addLink({ name, linkInfo: { info: { kind: "bridge" } } });

test("each request of a batch has its own answer, and those after a failure are carried out", () =>
  withHostNamespace(({ foreign }) => {
    const replies = foreign.transact([
      bridge("b0"),
      bridge("b0"),
      getLink({ name: "b0" }),
      getLink({ name: "nope" }),
      bridge("b1"),
    ]);
    expect(replies.map((reply) => reply.ack?.errno ?? 0)).toEqual([0, 17, 0, 19, 0]);
    expect(replies.map((reply) => reply.messages.length)).toEqual([0, 0, 1, 0, 0]);
    expect(decodeLink(replies[2]!.messages[0]!.body).name).toBe("b0");
  }));

test("the kernel's own words come with a refusal", () =>
  withHostNamespace(({ foreign }) => {
    const [reply] = foreign.transact([
      addLink({ name: "x0", linkInfo: { info: { kind: "unknown", name: "nokind" } } }),
    ]);
    expect(reply?.ack?.extack.message).toBe("Unknown device type");
  }));

test("a batch longer than one send, and more answers than one buffer holds", () =>
  withHostNamespace(({ foreign }) => {
    foreign.transact([bridge("b0")]);
    const replies = foreign.transact(Array.from({ length: 350 }, () => getLink({ name: "b0" })));
    expect(replies.every((reply) => reply.messages.length === 1)).toBe(true);
    foreign.transact(Array.from({ length: 250 }, (_, i) => addAddress(on(i))));
    expect(foreign.dump(dumpAddresses({ family: 2 }), (message) => message.type)).toHaveLength(251);
    expect(foreign.transact([])).toEqual([]);
  }));

/** An address on loopback. */
const on = (host: number) => {
  const local = `10.9.${host >> 8}.${host & 255}` as Ip;
  return { family: 2, prefixLength: 32, index: 1, local, address: local };
};

/** 1,000 addresses take several datagrams to dump. */
function fillLoopback(socket: NetlinkSocket): void {
  for (let i = 0; i < 1000; i += 100)
    socket.transact(Array.from({ length: 100 }, (_, k) => addAddress(on(i + k))));
}

test("a dump during which the table changes is repeated", () =>
  withHostNamespace(({ foreign, visit }) => {
    fillLoopback(foreign);
    const other = visit(() => new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x1_0000)));
    let seen = 0;
    const dumped = foreign.dump(dumpAddresses({ family: 2 }), (message) => {
      // While the first answers of the first dump are read.
      if (seen++ === 0) other.transact([deleteAddress(on(0)), addAddress(on(2000))]);
      return decodeAddress(message.body).local;
    });
    other.close();
    expect(seen).toBeGreaterThan(1001);
    expect(dumped).toHaveLength(1001);
    expect(dumped).toContain(on(2000).local);
    expect(dumped).not.toContain(on(0).local);
  }));

test("a table that changes during every dump is an error, not a wrong list", () =>
  withHostNamespace(({ foreign, visit }) => {
    fillLoopback(foreign);
    const other = visit(() => new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x1_0000)));
    let seen = 0;
    const churn = (): unknown =>
      foreign.dump(dumpAddresses({ family: 2 }), () => {
        if (seen++ % 100 === 0) other.transact([deleteAddress(on(5)), addAddress(on(5))]);
      });
    expect(churn).toThrow("changed during each of 32 dumps");
    other.close();
    // The socket goes on.
    expect(foreign.transact([getLink({ name: "lo" })])[0]?.messages).toHaveLength(1);
  }));
