import { sameShape, type Value } from "../../graph/ir.ts";
import { scratchOf } from "./product-plan.ts";
import { canonical } from "./view.ts";
import {
  type MapWork,
  type OtherWork,
  type ProductWork,
  type ReduceWork,
  readsInOrder,
  type Work,
  type Works,
} from "./works.ts";

/** How a reduction runs inside a loop over rows and columns: over everything, within a row, or down the columns. */
export type ReductionForm = "total" | "row" | "column";

export interface GroupReduction {
  readonly work: ReduceWork;
  readonly form: ReductionForm;
}

/** Works that run in one loop: each element is made, used and reduced while it is in a register. */
export class Group {
  /** Canonical shape of the space that the loop runs over. */
  readonly space: readonly number[];
  product: ProductWork | undefined;
  other: OtherWork | undefined;
  /** In an order in which every work comes after what it reads. */
  maps: MapWork[] = [];
  reductions: GroupReduction[] = [];
  /** How many leading axes of the space count as rows; undefined while no reduction decides. */
  rowAxes: number | undefined;

  constructor(space: readonly number[]) {
    this.space = space;
  }

  /** Values that are made element by element over the space. */
  elements(): Value[] {
    return [...(this.product === undefined ? [] : [this.product.output]), ...this.maps.map(({ output }) => output)];
  }

  /** Everything that needs memory of its own if it is stored. */
  outputs(): Value[] {
    return [
      ...(this.product === undefined ? [] : scratchOf(this.product.plan)),
      ...this.elements(),
      ...this.reductions.map(({ work }) => work.output),
      ...(this.other?.outputs ?? []),
    ];
  }

  /** Values read over the space, with the shape that they broadcast to. */
  reads(): { readonly value: Value; readonly shape: readonly number[] }[] {
    return [
      ...this.maps.flatMap(({ inputs, output }) => inputs.map((value) => ({ value, shape: output.shape }))),
      ...this.reductions.map(({ work }) => ({ value: work.input, shape: work.input.shape })),
    ];
  }

  /** Values that are read as whole tensors. */
  wholes(): Value[] {
    const { product, other } = this;
    return [...(product === undefined ? [] : [product.a.value, product.b.value]), ...(other?.inputs ?? [])];
  }
}

/**
 * Which reductions of its elements a product's loop can carry: over everything, and over its outer axis while the
 * vectors along the inner one stay in registers.
 */
function productForms({ plan, rows, columns }: ProductWork): readonly ReductionForm[] {
  if (plan.kind !== "lanes" || rows === 1 || columns === 1) return ["total"];
  return ["total", plan.swapped ? "row" : "column"];
}

/**
 * Works fused into groups: an operator joins the loops of those that it reads, where both run over the same space and
 * no third group lies between them; a reduction joins the loop that makes what it reduces.
 */
export class FusedGroups {
  private readonly works: Works;
  private groups: Group[] = [];
  private readonly makers = new Map<Value, Group>();
  /** Pieces of concatenations by the whole. */
  private readonly pieces = new Map<Value, Value[]>();
  /** Groups that must come before a group for another reason than that it reads from them. */
  private readonly earlier = new Map<Group, Set<Group>>();

  /** What each group reads, for as long as it stays as it is. */
  private readonly read = new Map<Group, ReadonlySet<Value>>();

  constructor(works: Works) {
    this.works = works;
    for (const [piece, { parent }] of works.placements) {
      this.pieces.set(parent, [...(this.pieces.get(parent) ?? []), piece]);
    }
    for (const work of works.works) this.add(work);
  }

  all(): readonly Group[] {
    return this.groups;
  }

  /** The groups in an order in which each comes after those that it reads. */
  ordered(): Group[] {
    const done = new Set<Group>();
    const visit = (group: Group): void => {
      if (done.has(group)) return;
      for (const source of this.sources(group)) visit(source);
      done.add(group);
    };
    for (const group of this.groups) visit(group);
    return [...done];
  }

  /** Moves maps to the group that reads what they make. */
  moveMaps(maps: ReadonlySet<MapWork>, from: Group, to: Group): void {
    from.maps = from.maps.filter((map) => !maps.has(map));
    for (const group of [from, to]) this.read.delete(group);
    to.maps.push(...maps);
    for (const { output } of maps) this.makers.set(output, to);
    to.maps = this.sorted(to);
  }

  /**
   * Lets a group overwrite a stored value: orders it after every other group that reads the value.
   *
   * @returns false, and changes nothing, if one of those depends on it, or if the group reads the value out of order
   */
  overwrites(writer: Group, stored: Value): boolean {
    const reads = writer.reads().filter(({ value }) => this.works.view(value).root === stored);
    if (!reads.every(({ value, shape }) => readsInOrder(this.works.view(value), value, writer.space, shape)))
      return false;
    if (writer.wholes().some((value) => this.works.view(value).root === stored)) return false;
    const readers = this.groups.filter(
      (group) =>
        group !== writer &&
        [...group.reads().map(({ value }) => value), ...group.wholes()].some(
          (value) => this.works.view(value).root === stored,
        ),
    );
    if (readers.some((reader) => reader === writer || this.dependsOn(reader, writer))) return false;
    this.earlier.set(writer, new Set([...(this.earlier.get(writer) ?? []), ...readers]));
    return true;
  }

  private dependsOn(group: Group, target: Group, seen = new Set<Group>()): boolean {
    for (const source of this.sources(group)) {
      if (source === target) return true;
      if (seen.has(source)) continue;
      seen.add(source);
      if (this.dependsOn(source, target, seen)) return true;
    }
    return false;
  }

  private add(work: Work): void {
    const group = new Group(canonical(work.kind === "reduce" ? work.input.shape : outputShape(work)));
    switch (work.kind) {
      case "map":
        group.maps.push(work);
        break;
      case "product":
        group.product = work;
        break;
      case "other":
        group.other = work;
        break;
      case "reduce": {
        const form = reductionForm(work);
        group.reductions.push({ work, form: form.form });
        group.rowAxes = form.rowAxes;
        break;
      }
    }
    this.groups.push(group);
    this.claim(group);
    if (work.kind !== "map" && work.kind !== "reduce") return;
    let joined = group;
    for (const { value } of group.reads()) {
      const maker = this.makers.get(this.works.view(value).root);
      if (maker !== undefined && maker !== joined) joined = this.join(maker, joined) ?? joined;
    }
  }

  private claim(group: Group): void {
    for (const output of group.outputs()) this.makers.set(output, group);
  }

  /** Fuses two groups, `later` reading from `earlier`, if that is possible. */
  private join(earlier: Group, later: Group): Group | undefined {
    if (!sameShape(earlier.space, later.space) || earlier.other !== undefined || later.other !== undefined)
      return undefined;
    if (earlier.product !== undefined && later.product !== undefined) return undefined;
    const rowAxes = earlier.rowAxes ?? later.rowAxes;
    if (later.rowAxes !== undefined && rowAxes !== later.rowAxes) return undefined;
    const product = earlier.product ?? later.product;
    const reductions = [...earlier.reductions, ...later.reductions];
    if (product !== undefined) {
      const forms = productForms(product);
      if (!reductions.every(({ form }) => forms.includes(form))) return undefined;
      const backwards = [...earlier.reads(), ...later.reads()].some(({ value }) =>
        this.works.view(value).strides.some((stride) => stride < 0),
      );
      if (backwards) return undefined;
    }
    if (!this.compatible(earlier, later) || !this.compatible(later, earlier)) return undefined;
    if (this.between(earlier, later) || this.between(later, earlier)) return undefined;
    const merged = new Group(earlier.space);
    merged.product = product;
    merged.maps = [...earlier.maps, ...later.maps];
    merged.reductions = reductions;
    merged.rowAxes = rowAxes;
    this.groups = this.groups.filter((group) => group !== earlier && group !== later);
    this.groups.push(merged);
    this.claim(merged);
    merged.maps = this.sorted(merged);
    return merged;
  }

  /** Whether everything that `reader` takes from `maker` is there in the same turn of the loop. */
  private compatible(reader: Group, maker: Group): boolean {
    const elements = new Set(maker.elements());
    const made = new Set(maker.outputs());
    for (const { value, shape } of reader.reads()) {
      const view = this.works.view(value);
      if (this.origins(view.root).some((origin) => made.has(origin) && origin !== view.root)) return false;
      if (!made.has(view.root)) continue;
      if (!elements.has(view.root) || !readsInOrder(view, value, reader.space, shape)) return false;
    }
    return !reader
      .wholes()
      .some((value) => this.origins(this.works.view(value).root).some((origin) => made.has(origin)));
  }

  /** Whether a third group reads from one and is read by the other, directly or through more. */
  private between(first: Group, last: Group): boolean {
    const seen = new Set<Group>([first]);
    const reaches = (group: Group): boolean => {
      for (const source of this.sources(group)) {
        if (source === first) return true;
        if (seen.has(source)) continue;
        seen.add(source);
        if (reaches(source)) return true;
      }
      return false;
    };
    return [...this.sources(last)].some((source) => source !== first && source !== last && reaches(source));
  }

  /** The groups that a group reads from. */
  private sources(group: Group): Set<Group> {
    const found = new Set<Group>(this.earlier.get(group));
    for (const origin of this.originsOf(group)) {
      const maker = this.makers.get(origin);
      if (maker !== undefined && maker !== group) found.add(maker);
    }
    return found;
  }

  /** The stored values that a group reads. */
  private originsOf(group: Group): ReadonlySet<Value> {
    const known = this.read.get(group);
    if (known !== undefined) return known;
    const values = [...group.reads().map(({ value }) => value), ...group.wholes()];
    const roots = new Set(values.map((value) => this.works.view(value).root));
    const found = new Set([...roots].flatMap((root) => this.origins(root)));
    this.read.set(group, found);
    return found;
  }

  /** The stored value, and the pieces that it is put together from. */
  private origins(root: Value): Value[] {
    return [root, ...(this.pieces.get(root) ?? []).flatMap((piece) => this.origins(piece))];
  }

  private sorted(group: Group): MapWork[] {
    const makers = new Map(group.maps.map((work) => [work.output, work]));
    const done = new Set<MapWork>();
    const visit = (work: MapWork): void => {
      if (done.has(work)) return;
      for (const input of work.inputs) {
        const maker = makers.get(this.works.view(input).root);
        if (maker !== undefined && maker !== work) visit(maker);
      }
      done.add(work);
    };
    for (const work of group.maps) visit(work);
    return [...done];
  }
}

function outputShape(work: MapWork | ProductWork | OtherWork): readonly number[] {
  return work.kind === "other" ? (work.outputs[0] as Value).shape : work.output.shape;
}

/** The form of a reduction, and how many canonical axes are its rows. Reduced axes come all first or all last. */
function reductionForm({ input, axes }: ReduceWork): { form: ReductionForm; rowAxes: number | undefined } {
  const reduced = input.shape.flatMap((dimension, axis) => (dimension === 1 ? [] : [axes.includes(axis)]));
  const kept = reduced.filter((is) => !is).length;
  if (kept === 0) return { form: "total", rowAxes: undefined };
  return reduced[0] === true ? { form: "column", rowAxes: reduced.length - kept } : { form: "row", rowAxes: kept };
}
