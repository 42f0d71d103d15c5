/** What happened, in the shape people know from `docker events`. */
export interface NetdockEvent {
  /** Counts up from 1 for the life of the daemon. */
  readonly seq: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly type: "network" | "sandbox" | "container" | "daemon";
  /**
   * network: create, connect, disconnect, cut, heal, peer, unpeer, policy, destroy, prune; sandbox: create, publish, unpublish, allow, start, die,
   * destroy; container: create, start, exec_create, exec_start, exec_die, kill, stop, rename, die, destroy; daemon: reconcile,
   * partition, heal. Sandboxes of containers have `container` among their attributes.
   */
  readonly action: string;
  /** Id of the network, sandbox or container. */
  readonly id: string;
  /** `name`, `driver`, `sandbox`, `exitCode` … as the action has them. */
  readonly attributes: Readonly<Record<string, string>>;
}
