import { closeSync } from "node:fs";
import type { DatagramIo } from "../../model/datagrams.ts";
import { READY } from "../../model/readiness.ts";
import type { Listener, ListenerParts } from "./listener.ts";

/** Answers on a bound UDP socket opened by someone else. Throws if the descriptor is none; it is then still the caller's. */
export function listenUdp(fd: number, parts: ListenerParts & { readonly io: DatagramIo }): Listener {
  const { sandbox, counters, resolver, readiness, io } = parts;
  let open = true;
  /** The message being answered, by its index in `io`. */
  let current = 0;
  const client = {
    sandbox,
    counters,
    stream: false,
    // What is answered later goes alone, and the memory has others' addresses by then.
    later: () => {
      const sender = io.sender(current);
      return (reply: Uint8Array) => {
        if (open) io.sendTo(fd, reply, sender);
      };
    },
  };
  readiness.add(fd, READY.IN, () => {
    const count = io.receive(fd);
    for (current = 0; current < count; current++) {
      const reply = resolver.handle(io.message(current), client);
      if (reply !== undefined) io.answer(current, reply);
    }
    if (count > 0) io.send(fd);
  });
  return {
    close() {
      if (!open) return;
      open = false;
      readiness.remove(fd);
      closeSync(fd);
    },
  };
}
