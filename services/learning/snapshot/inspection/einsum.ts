import type { NodeProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import type { Dimension } from "./dimensions.ts";
import type { Facts } from "./facts.ts";

/** The index letters of an Einsum's output, and the size of every letter. */
export interface Equation {
  readonly output: readonly string[];
  readonly sizes: ReadonlyMap<string, Dimension>;
}

/** @returns undefined for equations with an ellipsis, or whose inputs have an unknown rank */
export function parseEquation(node: NodeProto, inputs: readonly Facts[]): Equation | undefined {
  const bytes = node.attribute?.find(({ name }) => name === "equation")?.s;
  const equation = new TextDecoder().decode(bytes).replaceAll(/\s/g, "");
  if (equation.includes(".")) return undefined;
  const [left = "", right] = equation.split("->");
  const sizes = new Map<string, Dimension>();
  for (const [index, term] of left.split(",").entries()) {
    const shape = inputs[index]?.shape;
    if (shape?.length !== term.length) return undefined;
    for (const [axis, letter] of [...term].entries()) {
      const known = sizes.get(letter);
      const size = shape[axis];
      if (!sizes.has(letter) || (size !== undefined && known !== undefined && size.factor > known.factor)) {
        sizes.set(letter, size);
      }
    }
  }
  const letters = left.replaceAll(",", "");
  const once = [...sizes.keys()].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return { output: right === undefined ? once : [...right], sizes };
}
