import pLimit from "p-limit";
import { availableCpus } from "../../common/available-cpus.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { createShippedEngines } from "../../engine/shipped/shipped-engines.ts";
import { isShippingEngine } from "../../engine/shipped/shipping-engine.ts";
import type { UnitRunner } from "./unit.ts";
import { createUnitExecutor } from "./unit-executor.ts";

/**
 * Runs all units in this process, as many at a time as there are processors.
 * @param limit most units at a time
 */
export function createLocalRunner(clock: Clock, limit = availableCpus()): UnitRunner {
  const engines = createShippedEngines(clock, limit);
  return {
    async open({ job, blobs, engine }) {
      if (!isShippingEngine(engine.name)) throw new UncoupleError("internal", `units do not run on ${engine.name}`);
      const known = new Map(blobs.map((blob) => [blob.digest, blob]));
      const executor = createUnitExecutor(engine.name, {
        engines,
        clock,
        async blob(digest) {
          const blob = known.get(digest);
          if (blob === undefined) throw new UncoupleError("internal", `the job has no bytes ${digest}`);
          return blob;
        },
      });
      // ONNX Runtime uses several threads for one unit.
      const queue = pLimit(engine.name === "wasm" ? limit : 1);
      return {
        engine,
        run: (unit, state, signal) =>
          queue(() => {
            signal?.throwIfAborted();
            return executor.run("", job, unit, state, signal === undefined ? {} : { signal });
          }),
        close: () => executor.dispose(),
      };
    },
  };
}
