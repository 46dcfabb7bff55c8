import { UncoupleError } from "../../../../common/errors.ts";
import { type Attribute, type Node, newValue, sameShape, size, type Value } from "../../graph/ir.ts";
import { intAttribute, integers } from "./legalize.ts";
import { type Operand, type ProductPlan, planProduct } from "./product-plan.ts";
import { UnsupportedOperator } from "./unsupported.ts";
import { canonicalStrides, contiguousStrides, isContiguous, reshapedStrides, type View } from "./view.ts";

/** One operator over every element of a space; inputs broadcast. */
export interface MapWork {
  readonly kind: "map";
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export type ReductionOp = "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd";

export interface ReduceWork {
  readonly kind: "reduce";
  readonly op: ReductionOp;
  readonly input: Value;
  readonly axes: readonly number[];
  readonly output: Value;
}

/** A product of two matrices: output[i, j] is the sum over k of a[i, k] b[k, j], whatever the strides of the two. */
export interface ProductWork {
  readonly kind: "product";
  readonly a: Operand;
  readonly b: Operand;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly output: Value;
  readonly plan: ProductPlan;
}

/** An operator that is generated as a loop of its own, over contiguous inputs. */
export interface OtherWork {
  readonly kind: "other";
  readonly node: Node;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export type Work = MapWork | ReduceWork | ProductWork | OtherWork;

/** A place inside another value's memory, which a piece of a concatenation is written to. */
export interface Placement {
  readonly parent: Value;
  readonly offset: number;
  /** Of the piece's shape in the parent's memory. */
  readonly strides: readonly number[];
}

/** A graph as work on stored values: what only renames or rearranges elements has become views. */
export interface Works {
  readonly works: readonly Work[];
  view(value: Value): View;
  readonly placements: ReadonlyMap<Value, Placement>;
}

const REDUCTIONS = new Set(["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"]);
const OTHERS = new Set(["Gather", "GatherND", "ArgMax", "ArgMin", "CumSum", "TopK"]);

/**
 * Splits legalized nodes into views and works.
 *
 * @param stored values that have memory of their own from the start: inputs and states
 * @param results values that must be stored as they are, contiguous, at the end
 */
export function toWorks(nodes: readonly Node[], stored: ReadonlySet<Value>, results: readonly Value[]): Works {
  return new WorkList(stored).run(nodes, results);
}

class WorkList implements Works {
  readonly works: Work[] = [];
  readonly placements = new Map<Value, Placement>();
  private readonly views = new Map<Value, View>();
  private readonly stored: ReadonlySet<Value>;
  /** Outputs of works that are stored contiguously and could be stored elsewhere. */
  private readonly movable = new Set<Value>();

  constructor(stored: ReadonlySet<Value>) {
    this.stored = stored;
  }

  run(nodes: readonly Node[], results: readonly Value[]): Works {
    for (const node of nodes) this.node(node);
    for (const result of results) {
      const view = this.view(result);
      if (!this.stored.has(result)) this.views.set(result, this.stableView(result, view));
    }
    return this;
  }

  view(value: Value): View {
    return this.views.get(value) ?? { root: value, offset: 0, strides: contiguousStrides(value.shape) };
  }

  /** A result that is a rearranged or repeated part of something is copied. */
  private stableView(result: Value, view: View): View {
    const whole = isContiguous(result.shape, view.strides) && view.root.constant === undefined;
    if (whole) return view;
    const before = newValue(result.type, result.shape);
    this.views.set(before, view);
    return { root: this.copy(before), offset: 0, strides: contiguousStrides(result.shape) };
  }

  private node(node: Node): void {
    const [x] = node.inputs;
    const [output] = node.outputs;
    if (output === undefined) return;
    if (x == null) throw new UnsupportedOperator(node.op, "without an input");
    if (node.outputs.some(({ type }) => type === "string") || x.type === "string") {
      throw new UnsupportedOperator(node.op, "over strings");
    }
    if (node.outputs.some(({ shape }) => size(shape) === 0) || size(x.shape) === 0) {
      throw new UnsupportedOperator(node.op, "over an empty tensor");
    }
    if (this.rearrange(node, x, output)) return;
    const inputs = node.inputs.filter((input) => input !== null);
    if (REDUCTIONS.has(node.op)) {
      if (this.reduction(node, x, output)) return;
    } else if (node.op === "Gemm") {
      this.works.push(this.product(node, output));
    } else if (OTHERS.has(node.op)) {
      const ready = inputs.map((input) => this.contiguous(input));
      this.works.push({ kind: "other", node, inputs: ready, outputs: node.outputs });
    } else {
      this.works.push({ kind: "map", op: node.op, inputs, output, attributes: node.attributes });
    }
    for (const made of node.outputs) this.movable.add(made);
  }

  /** @returns whether nothing is summed, so that the output is a view */
  private reduction(node: Node, x: Value, output: Value): boolean {
    const axes = integers(node.inputs[1]);
    const op = node.op as ReductionOp;
    const { root, offset, strides } = this.view(x);
    const long = x.shape.map((dimension, axis) => ({ axis, reduced: axes.includes(axis), counts: dimension !== 1 }));
    const order = long.filter(({ counts }) => counts).map(({ reduced }) => reduced);
    if (!order.includes(true)) {
      const shaped = reshapedStrides(x.shape, strides, output.shape);
      this.views.set(output, shaped === undefined ? this.reshapedCopy(x, output) : { root, offset, strides: shaped });
      return true;
    }
    // One change from kept to reduced or back is a loop over rows and columns; otherwise the reduced axes go to the end.
    const changes = order.filter((reduced, index) => index > 0 && reduced !== order[index - 1]).length;
    if (changes <= 1) {
      this.works.push({ kind: "reduce", op, input: x, axes, output });
      return false;
    }
    const perm = [...long.filter(({ reduced }) => !reduced), ...long.filter(({ reduced }) => reduced)].map(
      ({ axis }) => axis,
    );
    const turned = newValue(
      x.type,
      perm.map((axis) => x.shape[axis] as number),
    );
    this.views.set(turned, { root, offset, strides: perm.map((axis) => strides[axis] as number) });
    const last = perm.map((_, axis) => axis).slice(perm.length - axes.length);
    this.works.push({ kind: "reduce", op, input: turned, axes: last, output });
    return false;
  }

  /** Makes the outputs of a node views, if that is all it takes. */
  private rearrange(node: Node, x: Value, output: Value): boolean {
    const view = this.view(x);
    const { root, offset } = view;
    switch (node.op) {
      case "Identity":
        this.views.set(output, view);
        return true;
      case "Reshape": {
        const strides = reshapedStrides(x.shape, view.strides, output.shape);
        this.views.set(output, strides === undefined ? this.reshapedCopy(x, output) : { root, offset, strides });
        return true;
      }
      case "Transpose": {
        const perm = node.attributes.perm as readonly number[];
        this.views.set(output, { root, offset, strides: perm.map((axis) => view.strides[axis] as number) });
        return true;
      }
      case "Expand": {
        const lead = output.shape.length - x.shape.length;
        const strides = output.shape.map((_, axis) =>
          axis < lead || x.shape[axis - lead] === 1 ? 0 : (view.strides[axis - lead] as number),
        );
        this.views.set(output, { root, offset, strides });
        return true;
      }
      case "Slice":
        this.views.set(output, this.sliced(node, x, view));
        return true;
      case "Split": {
        const axis = intAttribute(node, "axis");
        let at = offset;
        for (const piece of node.outputs) {
          this.views.set(piece, { root, offset: at, strides: view.strides });
          at += (piece.shape[axis] as number) * (view.strides[axis] as number);
        }
        return true;
      }
      case "Concat":
        this.concatenate(node, output);
        return true;
      default:
        return false;
    }
  }

  private sliced(node: Node, x: Value, view: View): View {
    const [, begins, , axesInput, stepsInput] = node.inputs;
    const starts = integers(begins);
    const axes = axesInput == null ? starts.map((_, axis) => axis) : integers(axesInput);
    const steps = stepsInput == null ? starts.map(() => 1) : integers(stepsInput);
    let offset = view.offset;
    const strides = [...view.strides];
    axes.forEach((axis, index) => {
      const dimension = x.shape[axis] as number;
      const start = starts[index] as number;
      offset += (start < 0 ? start + dimension : start) * (view.strides[axis] as number);
      strides[axis] = (view.strides[axis] as number) * (steps[index] as number);
    });
    return { root: view.root, offset, strides };
  }

  /** Pieces end to end. What is made for this alone is made in place; the rest is copied. */
  private concatenate(node: Node, output: Value): void {
    const axis = intAttribute(node, "axis");
    const strides = contiguousStrides(output.shape);
    const outermost = output.shape.slice(0, axis).every((dimension) => dimension === 1);
    let offset = 0;
    for (const piece of node.inputs as readonly Value[]) {
      const view = this.view(piece);
      const whole =
        view.offset === 0 && isContiguous(piece.shape, view.strides) && size(view.root.shape) === size(piece.shape);
      if (outermost && whole && this.movable.has(view.root) && !this.placements.has(view.root)) {
        this.placements.set(view.root, { parent: output, offset, strides: contiguousStrides(view.root.shape) });
      } else {
        this.placements.set(this.copy(piece), { parent: output, offset, strides });
      }
      offset += (piece.shape[axis] as number) * (strides[axis] as number);
    }
  }

  private copy(x: Value): Value {
    const output = newValue(x.type, x.shape);
    this.works.push({ kind: "map", op: "Identity", inputs: [x], output, attributes: {} });
    return output;
  }

  private reshapedCopy(x: Value, output: Value): View {
    return { root: this.copy(x), offset: 0, strides: contiguousStrides(output.shape) };
  }

  /** The value, or a copy of it, with its elements in order from the start of its memory. */
  private contiguous(value: Value): Value {
    const view = this.view(value);
    return isContiguous(value.shape, view.strides) ? value : this.copy(value);
  }

  private product(node: Node, output: Value): ProductWork {
    const [a, b] = node.inputs as [Value, Value];
    if (a.type !== "float32") throw new UnsupportedOperator(node.op, `over ${a.type}`);
    const operand = (given: Value, depthAxis: 0 | 1): Operand => {
      const value = this.view(given).strides.some((stride) => stride < 0) ? this.copy(given) : given;
      const strides = canonicalOf(this.view(value), value);
      return { value, across: strides[1 - depthAxis] as number, along: strides[depthAxis] as number };
    };
    const depthAxis = intAttribute(node, "transA") === 1 ? 0 : 1;
    const depth = a.shape[depthAxis];
    const [rows, columns] = output.shape;
    if (depth === undefined || rows === undefined || columns === undefined) {
      throw new UncoupleError("internal", `a product of shapes [${a.shape}] and [${b.shape}]`);
    }
    const left = operand(a, depthAxis);
    const right = operand(b, intAttribute(node, "transB") === 1 ? 1 : 0);
    const plan = planProduct(left, right, rows, columns, depth);
    return { kind: "product", a: left, b: right, rows, columns, depth, output, plan };
  }
}

/** Strides of a matrix with 0 along axes of size 1. */
function canonicalOf(view: View, value: Value): number[] {
  return value.shape.map((dimension, axis) => (dimension === 1 ? 0 : (view.strides[axis] as number)));
}

/** Whether a view reads a stored value element by element, in the stored order, in a space of a given canonical shape. */
export function readsInOrder(view: View, value: Value, space: readonly number[], shape: readonly number[]): boolean {
  if (view.offset !== 0 || size(view.root.shape) !== size(space)) return false;
  return sameShape(canonicalStrides(view, value.shape, shape), contiguousStrides(space));
}
