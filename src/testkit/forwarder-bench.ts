import type { Ip } from "../base/ip.ts";
import type { SandboxId } from "../model/ids.ts";
import { HOST_NETNS, type NetnsKey } from "../model/ops.ts";
import { Forwarder } from "../services/dns/forwarder.ts";
import { DEFAULT_LIMITS, type ResolverLimits } from "../services/dns/limits.ts";
import { type Counters, newCounters } from "../services/dns/metrics.ts";
import { decodeMessage, readQuery, TYPE, type DnsMessage } from "../wire/dns/index.ts";
import { aRecord, queryBytes, type QueryOptions } from "./dns-message.ts";
import { ManualTime } from "./manual-time.ts";
import { ScriptedUpstream } from "./scripted-upstream.ts";

export interface AskOptions extends QueryOptions {
  /** `example.com` */
  readonly name?: string;
  /** A */
  readonly type?: number;
  /** The first two of `servers`. */
  readonly servers?: readonly Ip[];
  /** The host's. */
  readonly netns?: NetnsKey;
  /** False: by UDP. */
  readonly stream?: boolean;
  /** `s1` */
  readonly sandbox?: string;
}

export const servers: readonly [Ip, Ip, Ip, Ip] = [
  "192.0.2.1" as Ip,
  "192.0.2.2" as Ip,
  "192.0.2.3" as Ip,
  "192.0.2.4" as Ip,
];

/** What a server says about `example.com`. */
export const found: Partial<DnsMessage> = {
  answers: [aRecord("example.com", 300, "198.51.100.1")],
  recursionAvailable: true,
};

/** A forwarder whose servers and time are in the test's hands. Ids of its queries count up from 100. */
export class ForwarderBench {
  readonly upstream: ScriptedUpstream = new ScriptedUpstream();
  readonly time: ManualTime = new ManualTime();
  readonly counters: Counters = newCounters();
  /** `what: message` */
  readonly warnings: string[] = [];
  /** Where each question not known was asked from. */
  readonly netns: NetnsKey[] = [];
  readonly forwarder: Forwarder;

  constructor(limits: Partial<ResolverLimits> = {}) {
    let nextId = 100;
    this.forwarder = new Forwarder({
      clock: this.time,
      dialerIn: (netns) => {
        this.netns.push(netns);
        return this.upstream;
      },
      limits: { ...DEFAULT_LIMITS, ...limits },
      randomId: () => nextId++,
      // Memory full of 0xa5: an octet nobody wrote shows.
      responder: { allocate: (size) => new Uint8Array(size).fill(0xa5), udpSize: 1232 },
      timers: this.time,
      warn: (what, message) => void this.warnings.push(`${what}: ${message}`),
    });
  }

  /** What the asker gets: a list that stays empty while it waits. */
  ask(options: AskOptions = {}): DnsMessage[] {
    const replies: DnsMessage[] = [];
    const query = readQuery(queryBytes(options.name ?? "example.com", options.type ?? TYPE.A, options));
    if (query?.kind !== "query") throw new Error("not a query");
    this.forwarder.forward(
      {
        sandbox: (options.sandbox ?? "s1") as SandboxId,
        counters: this.counters,
        query,
        stream: options.stream ?? false,
        limit: options.stream === true ? 65535 : (query.edns?.udpSize ?? 512),
        reply: (bytes) => void replies.push(decodeMessage(bytes)),
      },
      { servers: options.servers ?? servers.slice(0, 2), netns: options.netns ?? HOST_NETNS },
    );
    return replies;
  }

  /** The reply, if it was known without asking a server. */
  known(options: AskOptions = {}): DnsMessage | undefined {
    const before = this.upstream.conversations.length;
    const [reply] = this.ask(options);
    return this.upstream.conversations.length === before ? reply : undefined;
  }
}
