import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { HostConnector } from "../connect/host-connector.ts";
import {
  type DeathCause,
  hostUnavailable,
  type Inference,
  InferenceDeath,
  type InferencePlan,
  type RunOptions,
  StageFault,
} from "../inference.ts";
import { createCalls } from "./create-call.ts";
import { createHostPool } from "./host-pool.ts";
import { HostDied } from "./host-session.ts";

export interface InferenceSettings {
  /** Most hosts at a time. */
  readonly hosts: number;
  /** How long a model may take for a batch of rows, and for each million rows. */
  readonly timeoutSeconds: number;
  /** Most memory of a host; half of it is for what later calls may need. */
  readonly memoryBytes: number;
}

export const DEFAULT_INFERENCE: InferenceSettings = { hosts: 1, timeoutSeconds: 60, memoryBytes: 2 * 1024 ** 3 };

export interface InferenceDeps {
  readonly connector: HostConnector;
  readonly clock: Clock;
  /** Called when a host has ended during a call. */
  onDeath?(cause: DeathCause): void;
  /** Called when a host was started in place of another. */
  onRestart?(): void;
}

/** `Inference`, with the processes behind it. */
export interface InferenceHosts extends Inference {
  /** Starts a host before it is needed, which takes 100 ms. If that fails, the first call says so. */
  warm(): Promise<void>;
}

/**
 * Runs models in hosts. A host that dies is replaced, and its call repeated in a fresh host that keeps nothing, so that
 * what earlier calls left behind is never blamed on a model.
 */
export function createInference(settings: InferenceSettings, deps: InferenceDeps): InferenceHosts {
  const { hosts, timeoutSeconds, memoryBytes } = settings;
  const pool = createHostPool({ hosts, timeoutMs: timeoutSeconds * 1000 }, deps);
  const callOf = createCalls();

  async function run(plan: InferencePlan, options: RunOptions = {}): Promise<readonly Float32Array[]> {
    /** Deaths in fresh hosts, by stage. */
    const deaths = new Map<number | undefined, number>();
    for (let again = false; ; again = true) {
      const session = await pool.take(again, options.signal);
      const { fresh } = session;
      try {
        return await session.run(callOf(plan, options, again ? 0 : memoryBytes / 2));
      } catch (thrown) {
        if (!(thrown instanceof HostDied)) throw thrown;
        deps.onDeath?.(thrown.end.death);
        if (!fresh && plan.deaths !== 0) continue;
        const { stage, loaded, end } = thrown;
        const count = (deaths.get(stage) ?? 0) + 1;
        deaths.set(stage, count);
        if (stage === undefined)
          throw hostUnavailable(`an inference host ended before it ran a model: ${end.detail}`, thrown);
        if (count < (plan.deaths ?? 1)) continue;
        const times = count === 1 ? "" : ` (${count} times, each in a fresh process)`;
        throw new StageFault(stage, loaded, new InferenceDeath(end.death, `${end.detail}${times}`));
      } finally {
        pool.giveBack(session);
      }
    }
  }

  return {
    async run(plan, options) {
      if (plan.stages.length === 0) throw new UncoupleError("internal", "a plan without stages");
      return run(plan, options);
    },
    async warm() {
      await pool.take(false).then(pool.giveBack, () => {});
    },
    heldBytes: pool.heldBytes,
    close: pool.close,
  };
}
