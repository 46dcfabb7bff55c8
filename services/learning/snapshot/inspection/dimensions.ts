/**
 * An upper bound of a dimension: `factor * rows ** power`, where `rows` is the number of rows in a call. Undefined if nothing is known.
 */
export interface Bound {
  readonly factor: number;
  readonly power: 0 | 1;
}

export type Dimension = Bound | undefined;
/** A shape, or undefined if not even the rank is known. */
export type Shape = readonly Dimension[] | undefined;

export const ROWS: Bound = { factor: 1, power: 1 };

export function fixed(size: number): Bound {
  return { factor: size, power: 0 };
}

export function sizeOf({ factor, power }: Bound, rows: number): number {
  return power === 1 ? factor * rows : factor;
}

/** Elements of a tensor in a call of `rows` rows, or undefined if a dimension is unknown. */
export function elements(shape: Shape, rows: number): number | undefined {
  let product = 1;
  for (const dimension of shape ?? [undefined]) {
    if (dimension === undefined) return undefined;
    product *= sizeOf(dimension, rows);
  }
  return product;
}

export function isFixed(dimension: Dimension, size: number): boolean {
  return dimension?.power === 0 && dimension.factor === size;
}

export function sum(a: Dimension, b: Dimension): Dimension {
  if (a === undefined || b === undefined) return undefined;
  if (a.factor === 0) return b;
  if (b.factor === 0) return a;
  // A call has at least one row.
  return { factor: a.factor + b.factor, power: a.power === 1 || b.power === 1 ? 1 : 0 };
}

export function product(dimensions: readonly Dimension[]): Dimension {
  let factor = 1;
  let power = 0;
  for (const dimension of dimensions) {
    if (dimension === undefined) return undefined;
    factor *= dimension.factor;
    power += dimension.power;
  }
  return power === 0 || power === 1 ? { factor, power } : undefined;
}

/** The dimension that is left if `known` dimensions are taken out of a tensor. */
export function quotient(whole: Shape, known: readonly Dimension[]): Dimension {
  const power = (dimensions: readonly Dimension[]) => dimensions.reduce((total, each) => total + (each?.power ?? 0), 0);
  const factor = (dimensions: readonly Dimension[]) =>
    dimensions.reduce((total, each) => total * (each?.factor ?? Number.NaN), 1);
  if (whole === undefined) return undefined;
  const left = power(whole) - power(known);
  const size = Math.ceil(factor(whole) / factor(known));
  return Number.isFinite(size) && (left === 0 || left === 1) ? { factor: size, power: left } : undefined;
}

/** The shape of an elementwise operator over all of these, by NumPy's rules. */
export function broadcast(shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape?.length ?? 0));
  if (shapes.some((shape) => shape === undefined)) return undefined;
  return Array.from({ length: rank }, (_, axis) => {
    let result: Dimension = fixed(1);
    for (const shape of shapes as (readonly Dimension[])[]) {
      const at = axis - rank + shape.length;
      const dimension = at < 0 ? fixed(1) : shape[at];
      if (dimension === undefined || result === undefined) result = undefined;
      else if (isFixed(result, 1)) result = dimension;
      else if (dimension.power > result.power || dimension.factor > result.factor) {
        if (!isFixed(dimension, 1)) result = dimension;
      }
    }
    return result;
  });
}
