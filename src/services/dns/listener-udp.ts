import { closeSync } from "node:fs";
import type { DatagramIo } from "../../model/datagrams.ts";
import { READY, type Readiness } from "../../model/readiness.ts";
import type { Listener, ListenerParts } from "./listener.ts";
import type { Client, Resolver } from "./resolver.ts";

/**
 * Answers the questions of all UDP sockets in batches: what waits at each is taken, then all are answered, then all answers
 * sent. So each part of the work finds the CPU's caches as it left them, however many sandboxes ask.
 */
export class UdpListeners {
  readonly #io: DatagramIo;
  readonly #readiness: Readiness;
  readonly #resolver: Resolver;
  /** Who asks, by index in the batch. */
  readonly #clients: Client[] = [];
  /** The message being answered. */
  #current = 0;
  /** Batches so far. */
  #batch = 0;

  constructor(parts: {
    readonly io: DatagramIo;
    readonly readiness: Readiness;
    readonly resolver: Resolver;
  }) {
    this.#io = parts.io;
    this.#readiness = parts.readiness;
    this.#resolver = parts.resolver;
    this.#readiness.afterwards(() => this.#answer());
  }

  /** Answers on a bound UDP socket opened by someone else. Throws if the descriptor is none; it is then still the caller's. */
  listen(fd: number, { sandbox, counters }: ListenerParts): Listener {
    const io = this.#io;
    let open = true;
    const client: Client = {
      sandbox,
      counters,
      stream: false,
      // What is answered later goes alone: the memory has others' addresses by then.
      later: () => {
        const sender = io.sender(this.#current);
        return (reply) => {
          if (open) io.sendTo(fd, reply, sender);
        };
      },
    };
    let last = 0;
    this.#readiness.add(fd, READY.IN, () => {
      if (io.room === 0) this.#answer();
      // One that had something the time before has much to say: to look for a second message costs a bit.
      const most = last === this.#batch ? io.room : 1;
      last = this.#batch + 1;
      const first = io.taken;
      const count = io.receive(fd, most);
      for (let i = first; i < first + count; i++) this.#clients[i] = client;
    });
    return {
      close: () => {
        if (!open) return;
        open = false;
        this.#readiness.remove(fd);
        closeSync(fd);
      },
    };
  }

  #answer(): void {
    const io = this.#io;
    const { taken } = io;
    if (taken === 0) return;
    for (this.#current = 0; this.#current < taken; this.#current++) {
      const client = this.#clients[this.#current] as Client;
      const reply = this.#resolver.handle(io.message(this.#current), client);
      if (reply !== undefined) io.answer(this.#current, reply);
    }
    io.send();
    this.#batch++;
  }
}
