import { newValue, type Value } from "../../graph/ir.ts";

/** A matrix in memory, by its strides in elements; 0 along an axis of size 1. */
export interface Operand {
  readonly value: Value;
  /** Along the axis that the result keeps. */
  readonly across: number;
  /** Along the axis that is summed. */
  readonly along: number;
}

/**
 * How a product is computed. `lanes`: each vector holds neighbors of the result along its inner axis; one operand is read
 * by vectors, the other a number at a time. `dot`: each vector holds a part of one element's sum, for results that are
 * too narrow for vectors.
 *
 * In `lanes` every element's sum runs over the depth in order. In `dot` it runs in four partial sums, one for each lane,
 * that take every fourth term in order and are added as (0 + 2) + (1 + 3).
 */
export interface ProductPlan {
  readonly kind: "lanes" | "dot";
  /** The inner axis is the result's rows, not its columns. */
  readonly swapped: boolean;
  readonly outer: number;
  readonly inner: number;
  /** Read by vectors: along the inner axis for `lanes`, along the depth for `dot`. */
  readonly vectors: Operand;
  /** The other operand, whose kept axis is the outer one. */
  readonly numbers: Operand;
  /** Memory for the operand that has to be rearranged first, if one has: `vectors` for `lanes`, `numbers` for `dot`. */
  readonly packed: Value | undefined;
}

/** Most rows or columns of a result that is computed by `dot`. */
const WIDEST_DOT = 3;

/** Chooses the cheapest way, by rough counts of instructions. */
export function planProduct(a: Operand, b: Operand, rows: number, columns: number, depth: number): ProductPlan {
  let best: { readonly plan: Omit<ProductPlan, "packed">; readonly packs: number; readonly cost: number } | undefined;
  const consider = (plan: Omit<ProductPlan, "packed">, packs: number, cost: number) => {
    if (best === undefined || cost < best.cost) best = { plan, packs, cost };
  };
  for (const swapped of [false, true]) {
    const [outer, inner] = swapped ? [columns, rows] : [rows, columns];
    const [numbers, vectors] = swapped ? [b, a] : [a, b];
    // Results that are not next to each other in memory are stored one by one.
    const scattered = swapped && columns > 1 ? outer * inner : 0;
    const way = { swapped, outer, inner, numbers, vectors };
    const lanesPack = vectors.across === 1 || inner === 1 ? 0 : depth * inner;
    const loads = 1 + 0.5 / Math.min(outer, 4);
    consider(
      { ...way, kind: "lanes" },
      lanesPack,
      outer * Math.ceil(inner / 4) * depth * loads + 1.5 * lanesPack + scattered,
    );
    if (outer > WIDEST_DOT || (vectors.along !== 1 && depth > 1)) continue;
    const dotPack = numbers.along === 1 || depth === 1 ? 0 : depth * outer;
    const dots = outer * inner * Math.ceil(depth / 4) * 1.5 + outer * Math.ceil(inner / 4) * 8;
    consider({ ...way, kind: "dot" }, dotPack, dots + 1.5 * dotPack + scattered);
  }
  const { plan, packs } = best as NonNullable<typeof best>;
  return { ...plan, packed: packs === 0 ? undefined : newValue("float32", [packs]) };
}
