import type { Clock } from "../base/clock.ts";
import type { ResolvConf } from "../plan/files/resolv-conf.ts";

/** A host that moves to another network gets other name servers; sandboxes go on asking the right ones without a restart. */
const RESOLV_CONF_MS = 1000;

/** The host's resolvers and domains, as they were a second ago at most. */
export class HostResolvConf {
  readonly #read: () => ResolvConf;
  readonly #clock: Clock;
  #known: { readonly conf: ResolvConf; readonly read: number } | undefined;

  constructor(read: () => ResolvConf, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  get(): ResolvConf {
    const now = this.#clock.now();
    const known = this.#known;
    // A clock set back must not make it last for hours.
    if (known !== undefined && now - known.read < RESOLV_CONF_MS && now >= known.read) return known.conf;
    const conf = this.#read();
    this.#known = { conf, read: now };
    return conf;
  }

  forget(): void {
    this.#known = undefined;
  }
}
