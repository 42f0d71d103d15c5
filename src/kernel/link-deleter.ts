import { type Ack, ackError } from "../wire/netlink/ack.ts";
import { errnoName } from "../wire/netlink/errno.ts";
import { deleteLink, deleteLinkGroup, setLink } from "../wire/netlink/link.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

interface Waiting {
  readonly name: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Deletes links of one namespace off the main thread. The kernel waits for an RCU barrier inside each DELLINK (15–20 ms),
 * whether it names one link or a group of a hundred; so what is asked for while one is under way is put into a group and
 * goes with the next.
 */
export class LinkDeleter {
  readonly #open: () => NetlinkSocket;
  readonly #route: () => NetlinkSocket;
  readonly #keep: boolean;
  #socket: NetlinkSocket | undefined;
  #queue: Waiting[] = [];
  #closing = false;
  #busy: Promise<void> | undefined;
  #group = Math.floor(Math.random() * 0x1000_0000);

  /** `open` makes a socket for this deleter alone, `route` gives the one for short requests. */
  constructor(options: {
    readonly open: () => NetlinkSocket;
    readonly route: () => NetlinkSocket;
    /** Whether the socket stays open while there is nothing to delete. */
    readonly keep: boolean;
  }) {
    this.#open = options.open;
    this.#route = options.route;
    this.#keep = options.keep;
  }

  /** Resolves when the link is gone; one that never was is fine. */
  delete(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ name, resolve, reject });
      // A turn later, so that deletes asked for together go together.
      this.#busy ??= Promise.resolve().then(() => this.#work());
    });
  }

  close(): void {
    // While a delete is under way the socket is in use; `#work` closes it.
    if (this.#busy === undefined) this.#closeSocket();
    else this.#closing = true;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#busy;
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        this.#socket ??= this.#open();
        // One delete at a time: those asked for meanwhile join the next.
        // oxlint-disable-next-line no-await-in-loop
        await (batch.length === 1
          ? this.#one(this.#socket, batch[0] as Waiting)
          : this.#many(this.#socket, batch));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = undefined;
    if (this.#closing || !this.#keep) this.#closeSocket();
  }

  async #one(socket: NetlinkSocket, link: Waiting): Promise<void> {
    const [reply] = await socket.transactAsync([deleteLink({ name: link.name })]);
    settle(link, reply?.ack);
  }

  async #many(socket: NetlinkSocket, batch: readonly Waiting[]): Promise<void> {
    // A number nobody else uses: drawn at random for this process, and a new one for each batch.
    this.#group = 0x6000_0000 + ((this.#group + 1) & 0x0fff_ffff);
    const group = this.#group;
    const marked = this.#route().transact(batch.map(({ name }) => setLink({ name, group })));
    const there = batch.filter((link, i) => {
      const errno = marked[i]?.ack?.errno ?? 0;
      if (errno !== 0) settle(link, marked[i]?.ack);
      return errno === 0;
    });
    if (there.length === 0) return;
    const [reply] = await socket.transactAsync([deleteLinkGroup(group)]);
    if ((reply?.ack?.errno ?? 0) === 0) {
      for (const { resolve } of there) resolve();
      return;
    }
    // The group is deleted as a whole or not at all: one by one tells which link cannot be deleted.
    for (const link of there) {
      // oxlint-disable-next-line no-await-in-loop -- one socket, one request at a time
      await this.#one(socket, link);
    }
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

function settle(link: Waiting, ack: Ack | undefined): void {
  if (ack === undefined || ack.errno === 0 || errnoName(ack.errno) === "ENODEV") link.resolve();
  else link.reject(ackError(ack, { op: "link.delete", subject: link.name }));
}
