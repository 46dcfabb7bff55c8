import { type Node, size, type Value } from "./graph/ir.ts";

/** What one step computes, as counts that its running time is estimated from. */
export interface StepWork {
  /** Rows gathered for the batch, from each resident column. */
  readonly rows: number;
  /** Nodes of the graph: what ONNX Runtime pays an overhead for. */
  readonly operators: number;
  /** Multiplications in matrix products, by the shortest of a product's three sizes. */
  readonly products: Readonly<Record<ProductSize, number>>;
  /** Elements of everything else: made by elementwise operators, read by reductions. */
  readonly elements: number;
  /** Of those, elements of exponentials, logarithms and the like. */
  readonly functions: number;
}

/** `thin`: below 4. `narrow`: below 16. `wide`: the others. */
export type ProductSize = "thin" | "narrow" | "wide";

const FUNCTIONS = /^(A?(Sin|Cos|Tan)h?|Elu|Erf|Exp|Log|LogSoftmax|Pow|Selu|Sigmoid|Softmax|Softplus)$/;

/** @param rows gathered for the batch */
export function workOf(nodes: readonly Node[], rows: number): StepWork {
  const products = { thin: 0, narrow: 0, wide: 0 };
  let [elements, functions] = [0, 0];
  for (const node of nodes) {
    const depth = depthOf(node);
    const output = size((node.outputs[0] as Value).shape);
    if (depth !== undefined) {
      products[sizeOf(node.outputs[0] as Value, depth)] += output * depth;
      continue;
    }
    elements += node.op.startsWith("Reduce") ? size(node.inputs[0]?.shape ?? []) : output;
    if (FUNCTIONS.test(node.op)) functions += output;
  }
  return { rows, operators: nodes.length, products, elements, functions };
}

/** Multiplications of the largest matrix product. */
export function largestProduct(nodes: readonly Node[]): number {
  return nodes.reduce((most, node) => {
    const depth = depthOf(node);
    return depth === undefined ? most : Math.max(most, depth * size((node.outputs[0] as Value).shape));
  }, 0);
}

/** How many products are summed for an element of a matrix product; undefined for other operators. */
function depthOf({ op, inputs, attributes }: Node): number | undefined {
  if (op !== "Gemm" && op !== "MatMul") return undefined;
  return inputs[0]?.shape.at(attributes.transA === 1 ? -2 : -1);
}

function sizeOf({ shape }: Value, depth: number): ProductSize {
  const shortest = Math.min(depth, shape.at(-1) ?? 1, shape.at(-2) ?? 1);
  return shortest < 4 ? "thin" : shortest < 16 ? "narrow" : "wide";
}
