import { constantValue, type GraphBuilder, int64Vector, size, type Value } from "../graph/ir.ts";
import { numberLike } from "./elementwise.ts";
import { attr, binary, cast, input, type Lowering, normalAxis, reshape, unsupported, where } from "./lowering.ts";

const gather: Lowering = (call) => {
  const { builder } = call;
  const [x, indices] = [input(call, "x"), input(call, "indices")];
  const axis = normalAxis(attr<number | undefined>(call, "axis") ?? 0, x.shape.length);
  const batchDims = attr<number | undefined>(call, "batchDims") ?? 0;
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
  if (batchDims === 0) return builder.add("Gather", [x, indices], x.type, shape, { axis });
  if (axis !== batchDims) throw unsupported(call, `along axis ${axis} with ${batchDims} batch dimensions`);
  const tuples = reshape(builder, cast(builder, indices, "int64"), [...indices.shape, 1]);
  return builder.add("GatherND", [x, tuples], x.type, shape, { batch_dims: batchDims });
};

const gatherNd: Lowering = (call) => {
  const { builder } = call;
  const [x, indices] = [input(call, "params"), input(call, "indices")];
  const depth = indices.shape.at(-1) as number;
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)];
  return builder.add("GatherND", [x, cast(builder, indices, "int64")], x.type, shape);
};

/** True where the index equals the position along a new last axis. */
function hits(builder: GraphBuilder, indices: Value, depth: number): Value {
  const positions = constantValue(
    "int32",
    [depth],
    Int32Array.from({ length: depth }, (_, position) => position),
  );
  const column = reshape(builder, cast(builder, indices, "int32"), [...indices.shape, 1]);
  return binary(builder, "Equal", column, positions, "bool");
}

const oneHot: Lowering = (call) => {
  const { builder } = call;
  const dtype = attr<string | undefined>(call, "dtype") ?? "int32";
  const hit = hits(builder, input(call, "indices"), attr(call, "depth"));
  if (dtype === "bool") return hit;
  if (dtype !== "float32" && dtype !== "int32") throw unsupported(call, `as ${dtype}`);
  const like: Value = { type: dtype, shape: [] };
  return where(builder, hit, numberLike(like, attr(call, "onValue")), numberLike(like, attr(call, "offValue")));
};

/** The gradient of gather: rows of x summed by segment, as a product with the segments' indicator matrix. */
const unsortedSegmentSum: Lowering = (call) => {
  const { builder } = call;
  const [x, ids] = [input(call, "x"), input(call, "segmentIds")];
  const segments = attr<number>(call, "numSegments");
  const rank = ids.shape.length;
  const rows = size(x.shape.slice(0, rank));
  const width = size(x.shape.slice(rank));
  const indicator = cast(builder, hits(builder, reshape(builder, ids, [rows]), segments), "float32");
  const flat = reshape(builder, cast(builder, x, "float32"), [rows, width]);
  const sums = builder.add("Gemm", [indicator, flat], "float32", [segments, width], { transA: 1, transB: 0 });
  return cast(builder, reshape(builder, sums, [segments, ...x.shape.slice(rank)]), x.type);
};

const topK: Lowering = (call) => {
  const { builder } = call;
  const x = input(call, "x");
  const k = attr<number>(call, "k");
  const shape = [...x.shape.slice(0, -1), k];
  const [values, indices] = [
    { type: x.type, shape },
    { type: "int64" as const, shape },
  ];
  builder.nodes.push({
    op: "TopK",
    inputs: [x, int64Vector([k])],
    outputs: [values, indices],
    attributes: { axis: x.shape.length - 1, largest: 1, sorted: 1 },
  });
  return [values, cast(builder, indices, "int32")];
};

export const indexingLowerings: Readonly<Record<string, Lowering>> = {
  GatherV2: gather,
  GatherNd: gatherNd,
  OneHot: oneHot,
  UnsortedSegmentSum: unsortedSegmentSum,
  TopK: topK,
};
