import { GraphBuilder, type Node, size, type Value } from "../../graph/ir.ts";
import { binary, unary } from "../../kernels/lowering.ts";

/**
 * Divides vectors by a number that is computed ahead, such as Adam's bias correction, by a product with its reciprocal: one
 * division a step instead of one for every element.
 *
 * @param numbers scalars that no data enters
 */
export function multiplyByReciprocals(nodes: readonly Node[], numbers: readonly Value[]): Node[] {
  const builder = new GraphBuilder();
  const reciprocals = new Map<Value, Value>();
  for (const node of nodes) {
    const [vector, divisor] = node.inputs;
    const [output] = node.outputs;
    if (node.op !== "Div" || !vector || !divisor || !numbers.includes(divisor) || size(vector.shape) === 1) {
      builder.nodes.push(node);
      continue;
    }
    const reciprocal = reciprocals.get(divisor) ?? unary(builder, "Reciprocal", divisor);
    reciprocals.set(divisor, reciprocal);
    const product = binary(builder, "Mul", vector, reciprocal);
    builder.nodes.push({ op: "Identity", inputs: [product], outputs: [output as Value], attributes: {} });
  }
  return builder.nodes;
}
