import { InferenceSession, Tensor } from "onnxruntime-node";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { Column, Table } from "../../data/table/table.ts";
import { checkContract, checkedColumn } from "./check-contract.ts";
import { runtimeFault } from "./faults/runtime-fault.ts";
import { ROWS_PER_CALL } from "./inspection/limits.ts";
import { type SnapshotContract, SnapshotContractError, type SnapshotModel } from "./snapshot-model.ts";

/**
 * Loads an inspected model into ONNX Runtime (cpu).
 *
 * @throws ModelFault if ONNX Runtime cannot load it; OutOfMemory; SnapshotContractError
 */
export async function loadOnnxSnapshot(bytes: Uint8Array, contract: SnapshotContract): Promise<SnapshotModel> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, {
      executionProviders: ["cpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      // An arena would take a megabyte per session without making it faster.
      enableCpuMemArena: false,
      logSeverityLevel: 4,
      // By default, ONNX Runtime loads bytes with the signature of its own format as that format, even if they are also
      // valid ONNX: the model that runs would not be the one that was inspected.
      extra: { session: { load_model_format: "ONNX" } },
    });
  } catch (thrown) {
    throw runtimeFault("ONNX Runtime cannot load the model", thrown);
  }
  try {
    checkContract({ inputs: session.inputMetadata, outputs: session.outputMetadata }, contract);
  } catch (thrown) {
    await session.release();
    throw thrown;
  }
  return new OnnxSnapshotModel(session, contract);
}

class OnnxSnapshotModel implements SnapshotModel {
  private readonly session: InferenceSession;
  private readonly contract: SnapshotContract;
  private disposal: Promise<void> | undefined;

  constructor(session: InferenceSession, contract: SnapshotContract) {
    this.session = session;
    this.contract = contract;
  }

  async predict(table: Table, onBatch?: () => void): Promise<Float32Array> {
    if (this.disposal !== undefined) throw new UncoupleError("failed-precondition", "the snapshot model is disposed");
    const { inputs, output } = this.contract;
    const columns = inputs.map((spec) => checkedColumn(table, spec));
    const predictions = new Float32Array(table.rows * output.width);
    for (let from = 0; from < table.rows; from += ROWS_PER_CALL) {
      const to = Math.min(table.rows, from + ROWS_PER_CALL);
      const feeds: Record<string, Tensor> = {};
      inputs.forEach((spec, index) => {
        feeds[spec.name] = rowsOf(columns[index] as Column, from, to);
      });
      predictions.set(await this.run(feeds, to - from), from * output.width);
      onBatch?.();
      await yieldToEventLoop();
    }
    return predictions;
  }

  private async run(feeds: Record<string, Tensor>, rows: number): Promise<Float32Array> {
    const { output } = this.contract;
    let result: Tensor | undefined;
    try {
      result = (await this.session.run(feeds))[output.name];
    } catch (thrown) {
      throw runtimeFault(`the model failed on ${rows} rows`, thrown);
    }
    const values = result?.data;
    if (!(values instanceof Float32Array) || result?.dims.length !== 2 || values.length !== rows * output.width) {
      // Its actual shape can depend on values, which no message may show.
      throw new SnapshotContractError(
        "output",
        `the model's output ${output.name} does not have the shape float32 [${rows}, ${output.width}] for ${rows} rows, which the pipeline requires`,
      );
    }
    return values;
  }

  dispose(): Promise<void> {
    this.disposal ??= this.session.release();
    return this.disposal;
  }
}

/** Rows `from` to `to` (exclusive) as a tensor of ONNX Runtime. Numbers are not copied. */
function rowsOf(column: Column, from: number, to: number): Tensor {
  if (column.kind === "numeric") {
    const { width, values } = column;
    return new Tensor("float32", values.subarray(from * width, to * width), [to - from, width]);
  }
  const texts: string[] = [];
  for (let row = from; row < to; row++) texts.push(column.dictionary[column.codes[row] as number] ?? "");
  return new Tensor("string", texts, [to - from, 1]);
}
