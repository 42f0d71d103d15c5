/** What happened, in the shape people know from `docker events`. */
export interface NetdockEvent {
  /** Counts up from 1 for the life of the daemon. */
  readonly seq: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly type: "network" | "sandbox" | "daemon";
  /**
   * network: create, connect, disconnect, cut, heal, peer, unpeer, policy, destroy, prune; sandbox: create, publish, unpublish, allow, start, die,
   * destroy; daemon: reconcile,
   * partition, heal.
   */
  readonly action: string;
  /** Id of the network or sandbox. */
  readonly id: string;
  /** `name`, `driver`, `sandbox`, `exitCode` … as the action has them. */
  readonly attributes: Readonly<Record<string, string>>;
}
