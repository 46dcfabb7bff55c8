import { broadcastShapes, type GraphBuilder, size, type Value } from "../graph/ir.ts";
import { fusedActivation } from "./activations.ts";
import { attr, binary, input, type Lowering, reshape, transpose, unsupported } from "./lowering.ts";

/**
 * Matrix product over the last two axes. One matrix a side, which is how dense layers arrive (rank 3 with a leading 1),
 * becomes a Gemm on rank 2; stacks of matrices become a MatMul.
 */
function matmul(builder: GraphBuilder, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const outer = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...outer, transposeA ? columnsA : rowsA, transposeB ? rowsB : columnsB];
  if (size(outer) === 1) {
    const left = reshape(builder, a, [rowsA, columnsA]);
    const right = reshape(builder, b, [rowsB, columnsB]);
    const product = builder.add("Gemm", [left, right], a.type, shape.slice(-2), {
      transA: transposeA ? 1 : 0,
      transB: transposeB ? 1 : 0,
    });
    return reshape(builder, product, shape);
  }
  const swap = (x: Value): Value => {
    const rank = x.shape.length;
    const perm = x.shape.map((_, axis) => (axis < rank - 2 ? axis : axis === rank - 2 ? rank - 1 : rank - 2));
    return transpose(builder, x, perm);
  };
  return builder.add("MatMul", [transposeA ? swap(a) : a, transposeB ? swap(b) : b], a.type, shape);
}

const batchMatMul: Lowering = (call) => {
  const [a, b] = [input(call, "a"), input(call, "b")];
  if (a.type !== "float32" || b.type !== "float32") throw unsupported(call, "for integers");
  return matmul(call.builder, a, b, attr(call, "transposeA"), attr(call, "transposeB"));
};

const fusedMatMul: Lowering = (call) => {
  const product = batchMatMul(call) as Value;
  const { bias } = call.inputs;
  const sum = bias === undefined ? product : binary(call.builder, "Add", product, bias);
  return fusedActivation(call, sum, attr<string | null>(call, "activation") ?? "linear");
};

const einsum: Lowering = (call) => {
  const operands = Object.values(call.inputs);
  const equation = attr<string>(call, "equation").replace(/\s/g, "");
  const [terms, result] = equation.split("->") as [string, string | undefined];
  if (result === undefined || equation.includes(".")) throw unsupported(call, `for the equation ${equation}`);
  const dimensions = new Map<string, number>();
  terms.split(",").forEach((term, index) => {
    [...term].forEach((letter, axis) => {
      dimensions.set(letter, operands[index]?.shape[axis] as number);
    });
  });
  const shape = [...result].map((letter) => dimensions.get(letter) as number);
  return call.builder.add("Einsum", operands, "float32", shape, { equation });
};

export const matmulLowerings: Readonly<Record<string, Lowering>> = {
  BatchMatMul: batchMatMul,
  _FusedMatMul: fusedMatMul,
  Einsum: einsum,
};
