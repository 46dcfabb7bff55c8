import { createCalls } from "../../services/inference/client/create-call.ts";
import { createStageRunner, StageError } from "../../services/inference/host/run-stages.ts";
import { type Inference, type Stage, StageFault } from "../../services/inference/inference.ts";
import { ModelFault } from "../../services/learning/snapshot/faults/model-fault.ts";
import type { SnapshotContract, SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";

/**
 * What an inference host does, in this process, for models that are not ONNX, such as those of `loadLinear`.
 *
 * @param cacheBytes what it keeps for later calls
 */
export function localInference(
  load: (bytes: Uint8Array, contract: SnapshotContract) => Promise<SnapshotModel>,
  cacheBytes = 1e9,
): Inference {
  const runner = createStageRunner(load);
  const callOf = createCalls();
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(plan, options = {}) {
      const one = async () => {
        const { request, columns } = callOf(plan, options, cacheBytes);
        let loaded = false;
        try {
          const outputs: Float32Array[] = [];
          await runner.run(request, {
            async fetch(stage, keys, model) {
              loaded = false;
              const fetched = keys.map((key) => {
                const column = columns.get(key);
                if (column === undefined) throw new Error(`no column ${key}`);
                return column;
              });
              return { columns: fetched, ...(model && { model: await (plan.stages[stage] as Stage).model.bytes() }) };
            },
            progress(stage, phase) {
              loaded = true;
              if (phase === "run") options.onPass?.(stage);
            },
            output: (values) => void outputs.push(values),
          });
          return outputs;
        } catch (thrown) {
          if (!(thrown instanceof StageError)) throw thrown;
          throw thrown.cause instanceof ModelFault ? new StageFault(thrown.stage, loaded, thrown.cause) : thrown.cause;
        }
      };
      const result = last.then(one);
      last = result.catch(() => {});
      return result;
    },
    heldBytes: runner.held,
    close: async () => {},
  };
}
