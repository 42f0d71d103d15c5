import { NetError } from "../base/errors.ts";
import type { IpamTransaction } from "../model/ipam.ts";

/**
 * What was changed in memory since a transaction began, so that it can be taken back when the store rolls back. Reading
 * everything anew from the store would do the same, at a cost that grows with the number of leases; this costs what the
 * failed transaction itself cost.
 */
export class Journal {
  /** Undefined outside a transaction: then nothing is kept. */
  #undos: (() => void)[] | undefined;

  /** Called with the inverse of a change just before or after it is made. */
  record(undo: () => void): void {
    this.#undos?.push(undo);
  }

  begin(): IpamTransaction {
    if (this.#undos !== undefined) {
      throw new NetError("internal", "ipam.begin", {
        message: "an IPAM transaction is open: they never nest",
      });
    }
    const undos: (() => void)[] = [];
    this.#undos = undos;
    const close = (): void => {
      if (this.#undos !== undos) {
        throw new NetError("internal", "ipam.commit", { message: "this IPAM transaction has ended already" });
      }
      this.#undos = undefined;
    };
    return {
      commit: close,
      rollback: () => {
        close();
        for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) undo();
      },
    };
  }
}
