import { createNotifier } from "../../common/async/notifier.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { WorkerBeat } from "../../rpc/services/coordinator-service.ts";
import { unknownWorker } from "./long-polls.ts";
import type { MachineDriver } from "./machine-driver.ts";

/** The beats of workers. */
export interface BeatStreams {
  /** Answers every beat, with the leases that the worker shall abandon. */
  open(beats: AsyncIterable<WorkerBeat>, signal: AbortSignal): AsyncIterable<readonly string[]>;
  abandon(worker: string, leases: readonly string[]): void;
  /** Ends a worker's beats. */
  dismiss(worker: string): void;
  close(): void;
}

interface Stream {
  readonly outgoing: string[][];
  readonly ended: AbortController;
  wake(): void;
}

export function createBeatStreams(machine: () => MachineDriver): BeatStreams {
  const streams = new Map<string, Stream>();

  /** Takes beats until they end, and lets the worker go at that moment, whoever reads the answers. */
  async function take(beats: AsyncIterable<WorkerBeat>, stream: Stream): Promise<void> {
    let id: string | undefined;
    const leave = () => {
      if (id === undefined || streams.get(id) !== stream) return;
      streams.delete(id);
      machine().dispatch({ type: "left", worker: id });
    };
    stream.ended.signal.addEventListener("abort", leave, { once: true });
    try {
      for await (const { worker, units } of beats) {
        if (stream.ended.signal.aborted) return;
        if (id === undefined) {
          id = worker;
          streams.set(id, stream);
        }
        stream.outgoing.push([]);
        machine().dispatch({ type: "beat", worker: id, units });
        stream.wake();
      }
    } catch {
      // A connection that breaks ends the beats like one that is closed.
    } finally {
      leave();
      stream.ended.abort();
    }
  }

  return {
    async *open(beats, signal) {
      const bell = createNotifier();
      const stream: Stream = { outgoing: [], ended: new AbortController(), wake: () => bell.notify() };
      const end = () => stream.ended.abort();
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
      void take(beats, stream);
      try {
        for (;;) {
          const seen = bell.count;
          for (let leases = stream.outgoing.shift(); leases !== undefined; leases = stream.outgoing.shift())
            yield leases;
          if (stream.ended.signal.aborted) break;
          await bell.waitBeyond(seen, stream.ended.signal);
        }
        const { reason } = stream.ended.signal;
        if (reason instanceof UncoupleError) throw reason;
      } finally {
        signal.removeEventListener("abort", end);
        stream.ended.abort();
      }
    },
    abandon(worker, leases) {
      const stream = streams.get(worker);
      stream?.outgoing.push([...leases]);
      stream?.wake();
    },
    dismiss(worker) {
      const stream = streams.get(worker);
      streams.delete(worker);
      stream?.ended.abort(unknownWorker(worker));
    },
    close() {
      for (const stream of [...streams.values()]) stream.ended.abort();
    },
  };
}
