import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { MEMORY, OP } from "../../../../common/wasm/opcodes.ts";
import { size, type Value } from "../../graph/ir.ts";
import { intAttribute, integers } from "../lower/legalize.ts";
import { UnsupportedOperator } from "../lower/unsupported.ts";
import type { OtherWork } from "../lower/works.ts";
import type { EmitContext } from "./context.ts";

/** A contiguous value in memory. */
interface Array1D {
  readonly base: number | undefined;
  readonly address: number;
  readonly shape: readonly number[];
}

type Emit = (f: FunctionBody, work: OtherWork, inputs: readonly Array1D[], outputs: readonly Array1D[]) => void;

/** Emits an operator that fits neither maps nor reductions, one element at a time. */
export function emitOther(f: FunctionBody, context: EmitContext, work: OtherWork): void {
  const inputs = work.inputs.map((value): Array1D => {
    const view = context.works.view(value);
    const { base, address } = context.home(view.root);
    return { base, address: address + 4 * view.offset, shape: value.shape };
  });
  const outputs = work.outputs.map((value: Value): Array1D => {
    const { base, address } = context.home(value);
    return { base, address, shape: value.shape };
  });
  const emit = EMITTERS[work.node.op];
  if (emit === undefined) throw new UnsupportedOperator(work.node.op);
  emit(f, work, inputs, outputs);
}

/** Pushes the address of an element, without the array's own address. @param push pushes the element's number */
function pushAt(f: FunctionBody, { base }: Array1D, push: () => void): FunctionBody {
  push();
  f.i32(2).op(OP.i32Shl);
  return base === undefined ? f : f.globalGet(base).op(OP.i32Add);
}

/** Runs `body` for every number below a count. */
function each(f: FunctionBody, count: number, body: (counter: Local) => void): void {
  const counter = f.local("i32");
  f.count(counter, 0, count, 1, () => body(counter));
  f.release(counter);
}

/** Copies elements whose first ones stand at the numbers in two locals. */
function copyBlock(f: FunctionBody, from: Array1D, to: Array1D, source: Local, target: Local, count: number): void {
  each(f, count, (k) => {
    pushAt(f, to, () => f.get(target).get(k).op(OP.i32Add));
    pushAt(f, from, () => f.get(source).get(k).op(OP.i32Add)).memory(MEMORY.i32Load, from.address);
    f.memory(MEMORY.i32Store, to.address);
  });
}

const gather: Emit = (f, { node }, [x, indices], [output]) => {
  const [data, numbers, result] = [x, indices, output] as [Array1D, Array1D, Array1D];
  const axis = intAttribute(node, "axis");
  const [before, along, block] = [
    size(data.shape.slice(0, axis)),
    data.shape[axis] as number,
    size(data.shape.slice(axis + 1)),
  ];
  const [source, target] = [f.local("i32"), f.local("i32")];
  f.i32(0).set(target);
  each(f, before, (outer) => {
    each(f, size(numbers.shape), (number) => {
      f.get(outer).i32(along).op(OP.i32Mul);
      pushAt(f, numbers, () => f.get(number))
        .memory(MEMORY.i32Load, numbers.address)
        .op(OP.i32Add);
      f.i32(block).op(OP.i32Mul).set(source);
      copyBlock(f, data, result, source, target, block);
      f.get(target).i32(block).op(OP.i32Add).set(target);
    });
  });
  f.release(source, target);
};

const gatherNd: Emit = (f, { node }, [x, indices], [output]) => {
  const [data, tuples, result] = [x, indices, output] as [Array1D, Array1D, Array1D];
  const batchAxes = intAttribute(node, "batch_dims");
  const length = tuples.shape.at(-1) as number;
  const batches = size(data.shape.slice(0, batchAxes));
  const count = size(tuples.shape.slice(batchAxes, -1));
  const dimensions = data.shape.slice(batchAxes, batchAxes + length);
  const block = size(data.shape.slice(batchAxes + length));
  const [source, target, tuple] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.i32(0).set(target).i32(0).set(tuple);
  each(f, batches, (batch) => {
    each(f, count, () => {
      f.get(batch);
      dimensions.forEach((dimension, position) => {
        f.i32(dimension).op(OP.i32Mul);
        pushAt(f, tuples, () => f.get(tuple).i32(position).op(OP.i32Add)).memory(MEMORY.i32Load, tuples.address);
        f.op(OP.i32Add);
      });
      f.i32(block).op(OP.i32Mul).set(source);
      copyBlock(f, data, result, source, target, block);
      f.get(target).i32(block).op(OP.i32Add).set(target).get(tuple).i32(length).op(OP.i32Add).set(tuple);
    });
  });
  f.release(source, target, tuple);
};

/** Visits the lines of an array along one axis. @param body gets the number of a line's first element */
function eachLine(
  f: FunctionBody,
  x: Array1D,
  axis: number,
  body: (first: Local, line: Local, stride: number) => void,
): void {
  const [outer, inner] = [size(x.shape.slice(0, axis)), size(x.shape.slice(axis + 1))];
  const [first, line] = [f.local("i32"), f.local("i32")];
  f.i32(0).set(line);
  each(f, outer, (o) => {
    each(f, inner, (i) => {
      f.get(o)
        .i32((x.shape[axis] as number) * inner)
        .op(OP.i32Mul)
        .get(i)
        .op(OP.i32Add)
        .set(first);
      body(first, line, inner);
      f.get(line).i32(1).op(OP.i32Add).set(line);
    });
  });
  f.release(first, line);
}

/** The position of the greatest or least element of each line, the first of equals. */
const argument =
  (greatest: boolean): Emit =>
  (f, { node, inputs }, [x], [output]) => {
    const [data, result] = [x, output] as [Array1D, Array1D];
    const axis = intAttribute(node, "axis");
    const float = inputs[0]?.type === "float32";
    const [best, value] = float ? [f.local("f32"), f.local("f32")] : [f.local("i32"), f.local("i32")];
    const found = f.local("i32");
    const load = float ? MEMORY.f32Load : MEMORY.i32Load;
    const better = float ? (greatest ? OP.f32Gt : OP.f32Lt) : greatest ? OP.i32GtS : OP.i32LtS;
    eachLine(f, data, axis, (first, line, stride) => {
      each(f, data.shape[axis] as number, (k) => {
        pushAt(f, data, () => f.get(k).i32(stride).op(OP.i32Mul).get(first).op(OP.i32Add))
          .memory(load, data.address)
          .set(value);
        f.get(k)
          .op(OP.i32Eqz)
          .get(value)
          .get(best)
          .op(better, OP.i32Or)
          .if(() => f.get(value).set(best).get(k).set(found));
      });
      pushAt(f, result, () => f.get(line))
        .get(found)
        .memory(MEMORY.i32Store, result.address);
    });
    f.release(best, value, found);
  };

const cumulativeSum: Emit = (f, { node, inputs }, [x], [output]) => {
  const [data, result] = [x, output] as [Array1D, Array1D];
  if (inputs[0]?.type !== "float32") throw new UnsupportedOperator("CumSum", `over ${inputs[0]?.type}`);
  const [axis] = integers(node.inputs[1]) as [number];
  const count = data.shape[axis] as number;
  const exclusive = intAttribute(node, "exclusive") === 1;
  const [sum, at] = [f.local("f32"), f.local("i32")];
  eachLine(f, data, axis, (first, _, stride) => {
    f.f32(0).set(sum);
    each(f, count, (k) => {
      if (intAttribute(node, "reverse") === 1)
        f.i32(count - 1)
          .get(k)
          .op(OP.i32Sub);
      else f.get(k);
      f.i32(stride).op(OP.i32Mul).get(first).op(OP.i32Add).set(at);
      const add = () =>
        pushAt(f, data, () => f.get(at))
          .memory(MEMORY.f32Load, data.address)
          .get(sum)
          .op(OP.f32Add)
          .set(sum);
      if (!exclusive) add();
      pushAt(f, result, () => f.get(at))
        .get(sum)
        .memory(MEMORY.f32Store, result.address);
      if (exclusive) add();
    });
  });
  f.release(sum, at);
};

/** The greatest elements of each row in falling order, the first of equals first: each time the greatest not taken yet. */
const topK: Emit = (f, { inputs }, [x], [values, indices]) => {
  const [data, greatest, positions] = [x, values, indices] as [Array1D, Array1D, Array1D];
  if (inputs[0]?.type !== "float32") throw new UnsupportedOperator("TopK", `over ${inputs[0]?.type}`);
  const axis = data.shape.length - 1;
  const [best, value, last] = [f.local("f32"), f.local("f32"), f.local("f32")];
  const [found, lastFound, target] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.i32(0).set(target);
  eachLine(f, data, axis, (first) => {
    f.f32(Number.POSITIVE_INFINITY).set(last).i32(-1).set(lastFound);
    each(f, greatest.shape[axis] as number, () => {
      f.f32(Number.NEGATIVE_INFINITY).set(best).i32(-1).set(found);
      each(f, data.shape[axis] as number, (k) => {
        pushAt(f, data, () => f.get(first).get(k).op(OP.i32Add))
          .memory(MEMORY.f32Load, data.address)
          .set(value);
        // Not taken yet: after the last one in the order of the result.
        f.get(value).get(last).op(OP.f32Lt).get(value).get(last).op(OP.f32Eq).get(k).get(lastFound);
        f.op(OP.i32GtS, OP.i32And, OP.i32Or);
        f.get(value).get(best).op(OP.f32Gt).get(found).i32(0).op(OP.i32LtS, OP.i32Or, OP.i32And);
        f.if(() => f.get(value).set(best).get(k).set(found));
      });
      pushAt(f, greatest, () => f.get(target))
        .get(best)
        .memory(MEMORY.f32Store, greatest.address);
      pushAt(f, positions, () => f.get(target))
        .get(found)
        .memory(MEMORY.i32Store, positions.address);
      f.get(target).i32(1).op(OP.i32Add).set(target).get(best).set(last).get(found).set(lastFound);
    });
  });
  f.release(best, value, last, found, lastFound, target);
};

const EMITTERS: Readonly<Record<string, Emit>> = {
  Gather: gather,
  GatherND: gatherNd,
  ArgMax: argument(true),
  ArgMin: argument(false),
  CumSum: cumulativeSum,
  TopK: topK,
};
