import { UncoupleError } from "../../common/errors.ts";
import type { Column, Table } from "../../data/table/table.ts";
import type { RowProgram } from "../../engine/compiler/row-program.ts";
import { RowFunction } from "../../engine/wasm/row-function.ts";
import { checkContract, checkedColumn } from "./check-contract.ts";
import type { SnapshotContract, SnapshotModel } from "./snapshot-model.ts";

/** Loads a model that Uncouple's own compiler wrote into WebAssembly. @throws SnapshotContractError */
export function loadRowSnapshot(program: RowProgram, contract: SnapshotContract): SnapshotModel {
  const { name, value } = program.output;
  checkContract(
    {
      inputs: program.inputs.map(({ of }) =>
        of.kind === "numeric" ? tensor(of.name, "float32", of.width) : tensor(of.name, "string", 1),
      ),
      outputs: [tensor(name, "float32", value.shape[1] as number)],
    },
    contract,
  );
  return new RowSnapshotModel(program, contract);
}

function tensor(name: string, type: "float32" | "string", width: number) {
  return { name, isTensor: true, type, shape: ["rows", width] } as const;
}

/** Writes rows of an input, [to - from, width]. */
type Fill = (from: number, to: number, block: Float32Array) => void;

class RowSnapshotModel implements SnapshotModel {
  readonly rowWise = true;
  private readonly program: RowProgram;
  private readonly contract: SnapshotContract;
  private function: RowFunction | undefined;

  constructor(program: RowProgram, contract: SnapshotContract) {
    this.program = program;
    this.contract = contract;
    this.function = new RowFunction(program);
  }

  async predict(table: Table, onBatch?: () => void): Promise<Float32Array> {
    if (this.function === undefined) throw new UncoupleError("failed-precondition", "the snapshot model is disposed");
    const columns = new Map(this.contract.inputs.map((spec) => [spec.name, checkedColumn(table, spec)]));
    const fills = this.program.inputs.map(({ of }) =>
      encoder(columns.get(of.name) as Column, of.kind === "categorical" ? of.vocabulary : []),
    );
    return this.function.evaluate(table.rows, (input, from, to, block) => fills[input]?.(from, to, block), onBatch);
  }

  async dispose(): Promise<void> {
    this.function = undefined;
  }
}

/** @param vocabulary of a categorical column; a text outside of it becomes zeros */
function encoder(column: Column, vocabulary: readonly string[]): Fill {
  if (column.kind === "numeric") {
    const { width, values } = column;
    return (from, to, block) => block.set(values.subarray(from * width, to * width));
  }
  const places = new Map(vocabulary.map((text, place) => [text, place]));
  const placeOf = column.dictionary.map((text) => places.get(text) ?? -1);
  return (from, to, block) => {
    block.fill(0);
    for (let row = from; row < to; row++) {
      const place = placeOf[column.codes[row] as number] ?? -1;
      if (place >= 0) block[(row - from) * vocabulary.length + place] = 1;
    }
  };
}
