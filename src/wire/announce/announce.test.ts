import { expect, test } from "vitest";
import { parseIp } from "../../base/ip.ts";
import { parseMac } from "../../base/mac.ts";
import { hex, words } from "../../testkit/hex.ts";
import { announcementFrame } from "./announce.ts";

const mac = parseMac("02:42:0a:05:00:02");

test("arping -U -I eth0 10.5.0.2", () => {
  const frame = `
    ffffffff ffff0242 0a050002 08060001 08000604 00010242 0a050002 0a050002
    00000000 00000a05 0002
  `;
  expect(words(announcementFrame({ mac, ip: parseIp("10.5.0.2") }))).toEqual(words(hex(frame)));
});

// As Linux sends it with net.ipv6.conf.eth0.ndisc_notify=1, checksum included.
test("an unsolicited neighbour advertisement", () => {
  const frame = `
    33330000 00010242 0a050002 86dd6000 00000020 3afffd05 00000000 00000000
    00000000 0002ff02 00000000 00000000 00000000 00018800 5047 2000
    0000fd05 00000000 00000000 00000000 00020201 02420a05 0002
  `;
  expect(words(announcementFrame({ mac, ip: parseIp("fd05::2") }))).toEqual(words(hex(frame)));
});
