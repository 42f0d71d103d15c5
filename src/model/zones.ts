/** What lets traffic of netdock's pass where a firewall sorts links into zones (firewalld). Every failure is a NetError. */
export interface ZoneKeeper {
  /**
   * Puts these links, and none else, into the zone of netdock's; none: nothing of netdock's is left there. A name may end in `+`,
   * for every link whose name begins so. Gives what differed, in words; nothing where no such firewall runs.
   */
  settle(links: readonly string[], options: { readonly dryRun: boolean }): Promise<string[]>;
  /** Tells when the firewall may have forgotten what was settled, until the returned function is called. */
  watch(listener: () => void): () => void;
  close(): Promise<void>;
}
