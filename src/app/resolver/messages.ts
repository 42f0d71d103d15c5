import type { MessagePort } from "node:worker_threads";
import type { SandboxId } from "../../model/ids.ts";
import type { NameChange } from "../../engine/name-state.ts";
import type { DialEvent, DialRequest } from "../../services/dns/index.ts";

/** What the resolver's thread is started with. */
export interface ThreadData {
  readonly port: MessagePort;
  /** An eventfd: signalled when there is mail and the thread may be waiting. */
  readonly wake: number;
  /** One number: 1 while a signal is on its way that nobody has heard yet. */
  readonly signalled: Int32Array;
  readonly resolvConfPath: string;
}

export type ToThread =
  | { readonly names: readonly NameChange[] }
  | {
      readonly start: SandboxId;
      readonly udpFd: number;
      readonly tcpFd: number;
      /** Shared memory to count in. */
      readonly cells: Float64Array;
    }
  | { readonly stop: SandboxId }
  | { readonly upstream: DialEvent }
  | { readonly close: true };

export type FromThread =
  | { readonly stopped: SandboxId }
  | { readonly dial: DialRequest }
  | { readonly warning: { readonly facts: object; readonly message: string } };
