import { isTransient, UncoupleError } from "../common/errors.ts";
import type { RemoteCoordinator, TransferOptions } from "../rpc/client/coordinator-client.ts";
import type { TrainerLink } from "./trainer-link.ts";

/** Fetches bytes from the trainer over the session that there is now. */
export interface Transfers {
  /**
   * @param fetch one transfer
   * @throws UncoupleError as `RemoteCoordinator.fetch`; `unavailable` if there is no session, or it ended
   */
  run<T>(fetch: (coordinator: RemoteCoordinator, worker: string, options: TransferOptions) => Promise<T>): Promise<T>;
}

/** @param onFetched called with the number of bytes that arrived since the last call */
export function createTransfers(link: Pick<TrainerLink, "current">, onFetched: (bytes: number) => void): Transfers {
  const lost = () => new UncoupleError("unavailable", "the connection to the trainer was lost");
  return {
    async run(fetch) {
      const session = link.current();
      if (session === undefined) throw lost();
      const onProgress = (bytes: number) => {
        session.received(bytes);
        onFetched(bytes);
      };
      try {
        return await fetch(session.coordinator, session.joined.worker, { signal: session.ended, onProgress });
      } catch (thrown) {
        if (session.ended.aborted) throw lost();
        if (isTransient(thrown)) session.fail(thrown);
        throw thrown;
      }
    },
  };
}
