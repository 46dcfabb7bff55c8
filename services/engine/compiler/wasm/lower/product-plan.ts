import { newValue, type Value } from "../../graph/ir.ts";

/** A matrix in memory, by its strides in elements; 0 along an axis of size 1. */
export interface Operand {
  readonly value: Value;
  /** Along the axis that the result keeps. */
  readonly across: number;
  /** Along the axis that is summed. */
  readonly along: number;
}

interface Way {
  /** The inner axis is the result's rows, not its columns. */
  readonly swapped: boolean;
  readonly outer: number;
  readonly inner: number;
  /** Read by vectors: along the inner axis for `lanes`, along the depth for `dot`. */
  readonly vectors: Operand;
  /** The other operand, whose kept axis is the outer one. */
  readonly numbers: Operand;
}

/**
 * Each vector holds neighbors of the result along its inner axis; one operand is read by vectors, the other a number at a
 * time. Every element's sum runs over the depth in order: what is summed so far is stored between blocks of the depth.
 */
export interface LanesPlan extends Way {
  readonly kind: "lanes";
  /** Rows and vectors of the tiles whose sums are in registers. */
  readonly tile: { readonly rows: number; readonly vectors: number };
  /** Steps of the depth that are summed before the next tile follows; a multiple of four, or everything. */
  readonly depthBlock: number;
  /** Memory for panels of a block of `vectors`, if they are packed. */
  readonly packedVectors: Value | undefined;
  /** Memory for sums between blocks of the depth, if there are several: tile after tile. */
  readonly partials: Value | undefined;
}

/**
 * Each vector holds a part of one element's sum, for results that are too narrow for vectors. The sum runs in four partial
 * sums, one for each lane, that take every fourth term in order and are added as (0 + 2) + (1 + 3).
 */
export interface DotPlan extends Way {
  readonly kind: "dot";
  /** Memory for `numbers`, if they are packed: depth after depth. */
  readonly packedNumbers: Value | undefined;
}

export type ProductPlan = LanesPlan | DotPlan;

/** Memory that a product needs while it is computed. */
export function scratchOf(plan: ProductPlan): Value[] {
  const scratch = plan.kind === "dot" ? [plan.packedNumbers] : [plan.packedVectors, plan.partials];
  return scratch.filter((value) => value !== undefined);
}

/** Most rows or columns of a result that is computed by `dot`. */
const WIDEST_DOT = 3;
/** Vectors of a tile by its rows: so that sums, operands and all loads of a step fit 16 registers. */
const VECTORS_FOR_ROWS: Readonly<Record<number, number>> = { 1: 6, 2: 4, 3: 2, 4: 2 };

/** Longest block of the depth: its panel of a tile takes 8 KiB of the first-level cache. */
const DEEPEST_BLOCK = 256;
/** A block whose vectors span at least this many elements, 64 KiB, is packed: it does not fit the first-level cache. */
const WIDEST_UNPACKED = 16_384;
/** Fewest outer positions, each of which reads all vectors, for which packing pays. */
const FEWEST_READERS = 16;

/** Chooses the cheapest way, by rough counts of instructions. */
export function planProduct(a: Operand, b: Operand, rows: number, columns: number, depth: number): ProductPlan {
  let best: { readonly plan: () => ProductPlan; readonly cost: number } | undefined;
  const consider = (cost: number, plan: () => ProductPlan) => {
    if (best === undefined || cost < best.cost) best = { plan, cost };
  };
  for (const swapped of [false, true]) {
    const [outer, inner] = swapped ? [columns, rows] : [rows, columns];
    const [numbers, vectors] = swapped ? [b, a] : [a, b];
    // Results that are not next to each other in memory are stored one by one.
    const scattered = swapped && columns > 1 ? outer * inner : 0;
    const way = { swapped, outer, inner, numbers, vectors };
    const lanesPack = vectors.across === 1 || inner === 1 ? 0 : depth * inner;
    const loads = 1 + 0.5 / Math.min(outer, 4);
    consider(outer * Math.ceil(inner / 4) * depth * loads + 1.5 * lanesPack + scattered, () => lanes(way, depth));
    if (outer > WIDEST_DOT || (vectors.along !== 1 && depth > 1)) continue;
    const dotPack = numbers.along === 1 || depth === 1 ? 0 : depth * outer;
    const dots = outer * inner * Math.ceil(depth / 4) + outer * Math.ceil(inner / 4) * 8;
    consider(dots + 1.5 * dotPack + scattered, () => ({
      ...way,
      kind: "dot",
      packedNumbers: dotPack === 0 ? undefined : floats(dotPack),
    }));
  }
  return (best as NonNullable<typeof best>).plan();
}

function lanes(way: Way, depth: number): LanesPlan {
  const { outer, inner, vectors } = way;
  const rows = Math.min(outer, 4);
  const tile = { rows, vectors: VECTORS_FOR_ROWS[rows] as number };
  const blocks = Math.ceil(depth / DEEPEST_BLOCK);
  const depthBlock = blocks === 1 ? depth : upTo4(Math.ceil(depth / blocks));
  const apart = vectors.across !== 1 && inner > 1;
  const spread = outer >= FEWEST_READERS && depthBlock * vectors.along >= WIDEST_UNPACKED;
  return {
    ...way,
    kind: "lanes",
    tile,
    depthBlock,
    packedVectors: apart || spread ? floats(upTo4(inner) * depthBlock) : undefined,
    partials: depthBlock < depth ? floats(upTo4(inner) * outer) : undefined,
  };
}

function floats(count: number): Value {
  return newValue("float32", [count]);
}

function upTo4(count: number): number {
  return Math.ceil(count / 4) * 4;
}
