import type { Ip } from "../base/ip.ts";
import type { UpstreamDialer, UpstreamEvents } from "../services/dns/dialer.ts";
import { decodeMessage, encodeMessage, type DnsMessage } from "../wire/dns/index.ts";

/** One query that went out, and the means to play its server. */
export interface Conversation {
  readonly server: Ip;
  readonly transport: "udp" | "tcp";
  readonly query: DnsMessage;
  /** False once the asker has closed it. */
  readonly open: boolean;
  /** Answers with the query's id and question, and these fields. */
  answer(fields: Partial<DnsMessage>): void;
  send(bytes: Uint8Array): void;
  fail(why: string): void;
}

/** Upstream servers that say what the test says, when the test says it. */
export class ScriptedUpstream implements UpstreamDialer {
  /** Every query, oldest first. */
  readonly conversations: Conversation[] = [];

  udp(server: Ip, query: Uint8Array, events: UpstreamEvents): { close(): void } {
    return this.#open(server, "udp", query, events);
  }

  tcp(server: Ip, query: Uint8Array, events: UpstreamEvents): { close(): void } {
    return this.#open(server, "tcp", query, events);
  }

  /** Who was asked, as `udp 10.0.0.53`. */
  get asked(): string[] {
    return this.conversations.map(({ transport, server }) => `${transport} ${server}`);
  }

  get last(): Conversation {
    const last = this.conversations.at(-1);
    if (last === undefined) throw new Error("no server was asked");
    return last;
  }

  #open(server: Ip, transport: "udp" | "tcp", bytes: Uint8Array, events: UpstreamEvents): { close(): void } {
    const query = decodeMessage(bytes);
    let open = true;
    const send = (message: Uint8Array): void => {
      if (open) events.message(message);
    };
    this.conversations.push({
      server,
      transport,
      query,
      get open() {
        return open;
      },
      answer: (fields) => send(encodeMessage({ ...query, response: true, edns: undefined, ...fields })),
      send,
      fail(why) {
        if (!open) return;
        open = false;
        events.failed(why);
      },
    });
    return {
      close() {
        open = false;
      },
    };
  }
}
