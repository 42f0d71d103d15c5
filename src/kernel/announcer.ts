import { HOST_NETNS, type NetnsKey, type Op } from "../model/ops.ts";
import { announcementFrame } from "../wire/announce/announce.ts";
import { AF, closeAsync, linkIndex, SOCK, socket, trySendTo } from "./libc.ts";
import type { NetnsTable } from "./netns-table.ts";

type Announce = Extract<Op, { op: "address.announce" }>;

/** One announcement under way: its socket, and when it goes on. */
interface Course {
  readonly fd: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Tells a link whose its addresses are: the first time at once, the others behind the caller's back. Whoever had another
 * neighbour for an address learns of the new one, where it would otherwise send into the void until its own entry ages.
 */
export class Announcer {
  readonly #table: NetnsTable;
  readonly #courses = new Map<NetnsKey, Set<Course>>();
  /** Closing a packet socket waits for the kernel (synchronize_net in packet_release). */
  #closing: Promise<void> = Promise.resolve();

  constructor(table: NetnsTable) {
    this.#table = table;
  }

  /** Never fails: an announcement nobody hears is no worse than none. */
  start(op: Announce): void {
    const { netns, link, mac, addresses, times, intervalMs } = op;
    if (times === 0 || addresses.length === 0) return;
    const opened = this.#table.enter(netns, () => {
      // Protocol 0: it receives nothing.
      const fd = socket(AF.PACKET, SOCK.RAW | SOCK.NONBLOCK, 0);
      return { fd, index: linkIndex(fd, link) };
    });
    const course: Course = { fd: opened.fd, timer: undefined };
    const { index } = opened;
    if (index === undefined) {
      this.#giveUp(course);
      return;
    }
    const courses = this.#courses.get(netns) ?? new Set();
    this.#courses.set(netns, courses.add(course));
    const to = packetAddress(index);
    const frames = addresses.map((ip) => announcementFrame({ mac, ip }));
    let left = times;
    const send = (): void => {
      const sent = frames.map((frame) => trySendTo(course.fd, frame, to));
      left -= 1;
      if (left > 0 && sent.includes(true)) {
        course.timer = setTimeout(send, intervalMs);
        // Nobody's process lives on for this.
        course.timer.unref();
      } else this.#end(netns, course);
    };
    send();
  }

  /** Ends what is under way in a namespace that goes away. */
  forget(netns: NetnsKey): void {
    for (const course of this.#courses.get(netns) ?? []) this.#end(netns, course);
  }

  /** Resolves when every socket that was given up is closed. */
  settled(): Promise<void> {
    return this.#closing;
  }

  close(): void {
    for (const netns of [...this.#courses.keys(), HOST_NETNS]) this.forget(netns);
  }

  #end(netns: NetnsKey, course: Course): void {
    clearTimeout(course.timer);
    const courses = this.#courses.get(netns);
    courses?.delete(course);
    if (courses?.size === 0) this.#courses.delete(netns);
    this.#giveUp(course);
  }

  #giveUp({ fd }: Course): void {
    this.#closing = this.#closing.then(() => closeAsync(fd));
  }
}

/** struct sockaddr_ll (linux/if_packet.h); the frame itself holds the Ethernet addresses. */
function packetAddress(index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setInt32(4, index, true);
  return bytes;
}
