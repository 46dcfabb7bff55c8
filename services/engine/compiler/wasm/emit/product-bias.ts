import type { Value } from "../../graph/ir.ts";
import type { Group } from "../lower/groups.ts";
import { canonical } from "../lower/view.ts";
import { type MapWork, type ProductWork, readsInOrder } from "../lower/works.ts";
import type { EmitContext } from "./context.ts";

/** What is added to a product, the same along its outer axis: the sums can begin with it. */
export interface ProductBias {
  /** The addition, whose result the sums are then. */
  readonly map: MapWork;
  readonly value: Value;
}

/** The bias of a product, if nothing but its addition reads the product. */
export function productBias(context: EmitContext, group: Group, work: ProductWork): ProductBias | undefined {
  const { works } = context;
  const { output, plan } = work;
  if (plan.kind !== "lanes" || plan.partials !== undefined || context.isStored(output)) return undefined;
  const isProduct = (value: Value) => works.view(value).root === output;
  const readers = group.maps.filter(({ inputs }) => inputs.some(isProduct));
  const [map] = readers;
  if (map?.op !== "Add" || readers.length > 1 || group.reductions.some(({ work: { input } }) => isProduct(input))) {
    return undefined;
  }
  const [a, b] = map.inputs as [Value, Value];
  const [product, value] = isProduct(a) ? [a, b] : [b, a];
  const { root } = works.view(value);
  if (isProduct(value) || group.elements().includes(root) || !context.isStored(root)) return undefined;
  const space = canonical(output.shape);
  if (!readsInOrder(works.view(product), product, space, map.output.shape)) return undefined;
  const [outer] = productStrides(work, context.reading(value, map.output.shape).strides);
  return outer === 0 ? { map, value } : undefined;
}

/** Strides along a product's outer and inner axes, from those along its canonical space. */
export function productStrides({ rows, columns, plan }: ProductWork, strides: readonly number[]): [number, number] {
  const rest = [...strides];
  const row = rows === 1 ? 0 : (rest.shift() as number);
  const column = columns === 1 ? 0 : (rest.shift() as number);
  return plan.swapped ? [column, row] : [row, column];
}
