import type { Ip } from "../../base/ip.ts";
import type { NetnsKey } from "../../model/ops.ts";
import type { UpstreamConversation, UpstreamDialer, UpstreamEvents } from "./dialer.ts";

// Conversations with upstream servers, wished for in one thread and held in another: that of the resolver waits for its
// sandboxes' sockets alone, and only the main one may enter namespaces.

export type DialRequest =
  | {
      readonly dial: "udp" | "tcp";
      readonly id: number;
      readonly netns: NetnsKey;
      readonly server: Ip;
      readonly query: Uint8Array;
    }
  | { readonly hangUp: number };

export type DialEvent =
  | { readonly heard: number; readonly bytes: Uint8Array }
  | { readonly failed: number; readonly why: string };

/** The side that asks. */
export class RemoteDialer {
  readonly #send: (request: DialRequest) => void;
  readonly #conversations = new Map<number, UpstreamEvents>();
  #lastId = 0;

  constructor(send: (request: DialRequest) => void) {
    this.#send = send;
  }

  in(netns: NetnsKey): UpstreamDialer {
    const dial =
      (kind: "udp" | "tcp") =>
      (server: Ip, query: Uint8Array, events: UpstreamEvents): UpstreamConversation => {
        const id = ++this.#lastId;
        this.#conversations.set(id, events);
        this.#send({ dial: kind, id, netns, server, query });
        return {
          close: () => {
            if (this.#conversations.delete(id)) this.#send({ hangUp: id });
          },
        };
      };
    return { udp: dial("udp"), tcp: dial("tcp") };
  }

  /** What the other side tells. */
  hear(event: DialEvent): void {
    if ("heard" in event) {
      this.#conversations.get(event.heard)?.message(event.bytes);
      return;
    }
    const events = this.#conversations.get(event.failed);
    this.#conversations.delete(event.failed);
    events?.failed(event.why);
  }
}

/** The side that has the sockets. */
export class DialerHost {
  readonly #dialerIn: (netns: NetnsKey) => UpstreamDialer;
  readonly #send: (event: DialEvent) => void;
  readonly #conversations = new Map<number, UpstreamConversation>();

  constructor(dialerIn: (netns: NetnsKey) => UpstreamDialer, send: (event: DialEvent) => void) {
    this.#dialerIn = dialerIn;
    this.#send = send;
  }

  take(request: DialRequest): void {
    if ("hangUp" in request) {
      this.#conversations.get(request.hangUp)?.close();
      this.#conversations.delete(request.hangUp);
      return;
    }
    const { dial, id, netns, server, query } = request;
    const conversation = this.#dialerIn(netns)[dial](server, query, {
      message: (bytes) => this.#send({ heard: id, bytes }),
      failed: (why) => {
        this.#conversations.delete(id);
        this.#send({ failed: id, why });
      },
    });
    this.#conversations.set(id, conversation);
  }

  close(): void {
    for (const conversation of this.#conversations.values()) conversation.close();
    this.#conversations.clear();
  }
}
