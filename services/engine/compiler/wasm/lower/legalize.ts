import { type Attribute, GraphBuilder, int64Vector, type Node, size, type Value } from "../../graph/ir.ts";
import { binary, expand, number, reshape, slice, transpose, unary } from "../../kernels/lowering.ts";
import { UnsupportedOperator } from "./unsupported.ts";

/** An integer list that an operator has as an input, such as axes. */
export function integers(value: Value | null | undefined): number[] {
  if (value?.constant === undefined) throw new UnsupportedOperator("Shape", "that is computed at run time");
  return Array.from<unknown, number>(value.constant, Number);
}

export function intAttribute(node: Node, name: string, otherwise = 0): number {
  const attribute = node.attributes[name];
  return typeof attribute === "number" ? attribute : otherwise;
}

export function floatAttribute(attributes: Readonly<Record<string, Attribute>>, name: string, otherwise = 0): number {
  const attribute = attributes[name];
  return typeof attribute === "object" && "float" in attribute ? attribute.float : otherwise;
}

/** Attribute of a HardSigmoid that reads the output of a Relu. */
export const NEVER_NEGATIVE = "never-negative";

type Rewrite = (builder: GraphBuilder, node: Node) => Value;

/** A reduction over axes, which stay as dimensions of size 1 where `keep` is set. */
function reduce(builder: GraphBuilder, op: string, x: Value, axes: readonly number[], keep: boolean): Value {
  const kept = x.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
  const shape = keep ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return builder.add(op, [x, int64Vector(axes)], x.type, shape, { keepdims: keep ? 1 : 0 });
}

const softmax: Rewrite = (builder, node) => {
  const x = node.inputs[0] as Value;
  const axis = intAttribute(node, "axis");
  const centered = binary(builder, "Sub", x, reduce(builder, "ReduceMax", x, [axis], true));
  const powers = unary(builder, "Exp", centered);
  const total = reduce(builder, "ReduceSum", powers, [axis], true);
  if (node.op === "Softmax") return binary(builder, "Div", powers, total);
  return binary(builder, "Sub", centered, unary(builder, "Log", total));
};

const mean: Rewrite = (builder, node) => {
  const x = node.inputs[0] as Value;
  const axes = integers(node.inputs[1]);
  const total = reduce(builder, "ReduceSum", x, axes, intAttribute(node, "keepdims") === 1);
  return binary(builder, "Div", total, number(size(axes.map((axis) => x.shape[axis] as number))));
};

/** A product without a sum is an elementwise one: it can join the loops around it. */
function outerProduct(builder: GraphBuilder, node: Node): Value | undefined {
  const [a, b] = node.inputs as [Value, Value];
  const [rows, columns] = (node.outputs[0] as Value).shape as [number, number];
  if (size(a.shape) !== rows || a.type !== "float32") return undefined;
  return binary(builder, "Mul", reshape(builder, a, [rows, 1]), reshape(builder, b, [1, columns]));
}

const gemm: Rewrite = (builder, node) => {
  const [a, b, bias] = node.inputs as [Value, Value, Value | undefined];
  const output = node.outputs[0] as Value;
  const product =
    outerProduct(builder, node) ?? builder.add("Gemm", [a, b], output.type, output.shape, node.attributes);
  return bias === undefined ? product : binary(builder, "Add", product, bias);
};

/** Largest stack of matrices whose products are written out one by one. */
const LARGEST_STACK = 32;

const matmul: Rewrite = (builder, node) => {
  const [a, b] = node.inputs as [Value, Value];
  const { shape } = node.outputs[0] as Value;
  if (a.shape.length === 2 && b.shape.length === 2) {
    return outerProduct(builder, node) ?? builder.add("Gemm", [a, b], a.type, shape);
  }
  return size(shape.slice(0, -2)) <= LARGEST_STACK
    ? stackedGemms(builder, a, b, shape)
    : jointSum(builder, a, b, shape);
};

/** A product over stacks of matrices, as one product for each pair, stored end to end. */
function stackedGemms(builder: GraphBuilder, a: Value, b: Value, shape: readonly number[]): Value {
  const stack = shape.slice(0, -2);
  const count = size(stack);
  const matrices = (x: Value): Value[] => {
    const matrix = x.shape.slice(-2);
    const own = size(x.shape.slice(0, -2));
    const whole = own === 1 || own === count ? x : expand(builder, x, [...stack, ...matrix]);
    const list = reshape(builder, whole, [own === 1 ? 1 : count, ...matrix]);
    return Array.from({ length: count }, (_, index) => {
      const one = slice(builder, list, [own === 1 ? 0 : index, 0, 0], [1, ...matrix]);
      return reshape(builder, one, matrix);
    });
  };
  const [left, right] = [matrices(a), matrices(b)];
  const matrix = shape.slice(-2);
  const products = left.map((of, index) => {
    const product = builder.add("Gemm", [of, right[index] as Value], a.type, matrix);
    return reshape(builder, product, [1, ...matrix]);
  });
  return reshape(builder, builder.add("Concat", products, a.type, [count, ...matrix], { axis: 0 }), shape);
}

/** A product over stacks of matrices, as a sum over a joint space in which both are laid out. */
function jointSum(builder: GraphBuilder, a: Value, b: Value, shape: readonly number[]): Value {
  const [depth, columns] = b.shape.slice(-2) as [number, number];
  const rows = a.shape.at(-2) as number;
  const joint = [...shape.slice(0, -2), rows, columns, depth];
  const left = expand(builder, reshape(builder, a, [...a.shape.slice(0, -1), 1, depth]), joint);
  const turned = transpose(
    builder,
    b,
    b.shape.map((_, axis) => (axis < b.shape.length - 2 ? axis : b.shape.length * 2 - 3 - axis)),
  );
  const right = expand(builder, reshape(builder, turned, [...b.shape.slice(0, -2), 1, columns, depth]), joint);
  return reduce(builder, "ReduceSum", binary(builder, "Mul", left, right), [joint.length - 1], false);
}

const einsum: Rewrite = (builder, node) => {
  const equation = node.attributes.equation as string;
  const [terms, result] = equation.split("->") as [string, string];
  const operands = terms.split(",");
  const dimensions = new Map<string, number>();
  operands.forEach((letters, index) => {
    if (new Set(letters).size !== letters.length) throw new UnsupportedOperator("Einsum", `with ${equation}`);
    [...letters].forEach((letter, axis) => {
      dimensions.set(letter, node.inputs[index]?.shape[axis] as number);
    });
  });
  const summed = [...dimensions.keys()].filter((letter) => !result.includes(letter));
  const letters = [...result, ...summed];
  const joint = letters.map((letter) => dimensions.get(letter) as number);
  const laidOut = operands.map((own, index) => {
    const present = letters.filter((letter) => own.includes(letter));
    const ordered = transpose(
      builder,
      node.inputs[index] as Value,
      present.map((letter) => own.indexOf(letter)),
    );
    const shape = letters.map((letter) => (own.includes(letter) ? (dimensions.get(letter) as number) : 1));
    return expand(builder, reshape(builder, ordered, shape), joint);
  });
  const product = laidOut.reduce((all, operand) => binary(builder, "Mul", all, operand));
  const axes = summed.map((_, index) => result.length + index);
  return axes.length === 0 ? product : reduce(builder, "ReduceSum", product, axes, false);
};

const tile: Rewrite = (builder, node) => {
  const x = node.inputs[0] as Value;
  const repeats = integers(node.inputs[1]);
  const apart = x.shape.flatMap((dimension) => [1, dimension]);
  const repeated = x.shape.flatMap((dimension, axis) => [repeats[axis] as number, dimension]);
  return reshape(
    builder,
    expand(builder, reshape(builder, x, apart), repeated),
    x.shape.map((dimension, axis) => dimension * (repeats[axis] as number)),
  );
};

/** Padding, axis by axis: what is before, the value, what is after, end to end. */
const pad: Rewrite = (builder, node) => {
  const [x, pads, fill] = node.inputs as [Value, Value, Value | undefined];
  const widths = integers(pads);
  let padded = x;
  x.shape.forEach((_, axis) => {
    const [before, after] = [widths[axis] as number, widths[axis + x.shape.length] as number];
    const source = padded;
    const piece = (width: number, begin: number): Value => {
      const shape = source.shape.with(axis, width);
      if (node.attributes.mode !== "reflect") return expand(builder, fill ?? number(0), shape);
      const from = source.shape.map((__, other) => (other === axis ? begin : 0));
      const steps = source.shape.map((__, other) => (other === axis ? -1 : 1));
      return slice(builder, source, from, shape, steps);
    };
    const pieces = [
      ...(before > 0 ? [piece(before, before)] : []),
      source,
      ...(after > 0 ? [piece(after, (source.shape[axis] as number) - 2)] : []),
    ];
    if (pieces.length === 1) return;
    const shape = source.shape.with(axis, (source.shape[axis] as number) + before + after);
    padded = builder.add("Concat", pieces, x.type, shape, { axis });
  });
  return padded;
};

const REWRITES: Readonly<Record<string, Rewrite>> = {
  Softmax: softmax,
  LogSoftmax: softmax,
  ReduceMean: mean,
  Gemm: gemm,
  MatMul: matmul,
  Einsum: einsum,
  Tile: tile,
  Pad: pad,
};

/** Expresses composite operators in those that are generated: maps, reductions, products of two matrices, and views. */
export function legalize(nodes: readonly Node[]): Node[] {
  const builder = new GraphBuilder();
  const rectified = new Set(nodes.filter(({ op }) => op === "Relu").map(({ outputs }) => outputs[0]));
  for (const node of nodes) {
    const rewrite = REWRITES[node.op];
    if (rewrite === undefined) {
      const positive = node.op === "HardSigmoid" && rectified.has(node.inputs[0] as Value);
      builder.nodes.push(positive ? { ...node, attributes: { ...node.attributes, [NEVER_NEGATIVE]: 1 } } : node);
      continue;
    }
    const replacement = rewrite(builder, node);
    builder.nodes.push({ op: "Identity", inputs: [replacement], outputs: node.outputs, attributes: {} });
  }
  return builder.nodes;
}
