import { beforeEach, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import { HOST_NETNS, type NetnsKey } from "../../model/ops.ts";
import { queryBytes } from "../../testkit/dns-message.ts";
import { ScriptedUpstream } from "../../testkit/scripted-upstream.ts";
import { DialerHost, RemoteDialer } from "./remote-dialer.ts";

const server = "192.0.2.1" as Ip;
const query = queryBytes("web");

let upstream: ScriptedUpstream;
let asked: NetnsKey[];
let near: RemoteDialer;
let far: DialerHost;
let heard: string[];

/** Both sides, with clones of what passes between them, as between threads. */
beforeEach(() => {
  upstream = new ScriptedUpstream();
  asked = [];
  heard = [];
  near = new RemoteDialer((request) => far.take(structuredClone(request)));
  far = new DialerHost(
    (netns) => {
      asked.push(netns);
      return upstream;
    },
    (event) => near.hear(structuredClone(event)),
  );
});

const events = (who: string): Parameters<ReturnType<RemoteDialer["in"]>["udp"]>[2] => ({
  message: (bytes) => void heard.push(`${who} ${bytes.join()}`),
  failed: (why) => void heard.push(`${who} failed: ${why}`),
});

test("messages and failures come to who asked, until it hangs up", () => {
  const one = near.in(HOST_NETNS).udp(server, query, events("one"));
  near.in("aa").tcp(server, query, events("two"));
  expect(asked).toEqual([HOST_NETNS, "aa"]);
  const [first, second] = upstream.conversations;
  expect(upstream.asked).toEqual([`udp ${server}`, `tcp ${server}`]);
  expect(first?.query.questions).toMatchObject([{ name: "web" }]);
  first?.send(Uint8Array.of(7));
  first?.send(Uint8Array.of(8));
  second?.fail("gone");
  expect(heard).toEqual(["one 7", "one 8", "two failed: gone"]);
  one.close();
  one.close();
  first?.send(Uint8Array.of(9));
  expect([first?.open, heard.length]).toEqual([false, 3]);
});

test("close() ends what is under way", () => {
  near.in(HOST_NETNS).udp(server, query, events("one"));
  far.close();
  expect(upstream.conversations.map(({ open }) => open)).toEqual([false]);
});
