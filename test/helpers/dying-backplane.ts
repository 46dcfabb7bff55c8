import type { Backplane, Neighbor } from "../../services/registry/backplane.ts";

/** A process's view of a backplane that dies at a write: before it, or after it with the answer lost. */
export interface DyingBackplane {
  readonly backplane: Backplane;
  /** Whether it has died. */
  readonly died: AbortSignal;
  /** The writes before. */
  writes(): number;
}

/** @param at the number of the write, from 0 on @param before whether the write is lost, too */
export function dyingBackplane(backplane: Backplane, at: number, before: boolean): DyingBackplane {
  const death = new AbortController();
  let writes = 0;
  const never = () => new Promise<never>(() => {});
  const write =
    <A extends unknown[], R>(inner: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (death.signal.aborted) return never();
      const dies = writes++ === at;
      if (dies && before) {
        death.abort();
        return never();
      }
      const answer = await inner(...args);
      if (!dies) return answer;
      death.abort();
      return never();
    };
  const writing = <N extends Neighbor>(one: N): N => ({
    ...one,
    registry: { ...one.registry, publish: write(one.registry.publish), link: write(one.registry.link) },
    retention: {
      ...one.retention,
      pin: write(one.retention.pin),
      refer: write(one.retention.refer),
      release: write(one.retention.release),
      delete: write(one.retention.delete),
    },
    quarantines: { ...one.quarantines, append: write(one.quarantines.append) },
  });
  return {
    backplane: {
      ...writing(backplane),
      neighbor: async (pipeline) => writing(await backplane.neighbor(pipeline)),
    },
    died: death.signal,
    writes: () => writes,
  };
}
