import { sameShape, type Value } from "../../graph/ir.ts";
import type { FusedGroups, Group } from "./groups.ts";
import { isUniform } from "./memory-plan.ts";
import { type MapWork, readsInOrder, type Works } from "./works.ts";

/**
 * Moves maps into the group that reads them, where that saves memory traffic: a value that only one other group reads need
 * not be stored if it follows from one value that is stored anyway. The gradient of an activation is an example: it
 * follows from the activation, which the backward pass reads too, so the forward pass need not store both.
 *
 * @param kept values that are read after the last group
 */
export function sinkMaps(works: Works, fused: FusedGroups, kept: readonly Value[]): void {
  for (;;) {
    const sinking = new Sinking(works, fused, kept);
    const found = fused.all().flatMap((group) => sinking.from(group) ?? [])[0];
    if (found === undefined) return;
    fused.moveMaps(found.maps, found.from, found.to);
  }
}

interface Move {
  readonly maps: ReadonlySet<MapWork>;
  readonly from: Group;
  readonly to: Group;
}

class Sinking {
  private readonly works: Works;
  /** Groups that read a stored value element by element. */
  private readonly readers = new Map<Value, Set<Group>>();
  /** Values that are stored even if every reader takes them element by element. */
  private readonly fixed: Set<Value>;

  constructor(works: Works, fused: FusedGroups, kept: readonly Value[]) {
    this.works = works;
    const wholes = fused.all().flatMap((group) => group.wholes());
    this.fixed = new Set([...[...kept, ...wholes].map((value) => works.view(value).root), ...works.placements.keys()]);
    for (const group of fused.all()) {
      for (const { value } of group.reads()) {
        const { root } = works.view(value);
        this.readers.set(root, (this.readers.get(root) ?? new Set()).add(group));
      }
    }
  }

  /** The last map of a group that can move, with those before it that only it reads. */
  from(group: Group): Move | undefined {
    for (const last of group.maps.toReversed()) {
      const [to, ...others] = this.readers.get(last.output) ?? [];
      if (to === undefined || to === group || others.length > 0) continue;
      if (this.fixed.has(last.output) || !this.fits(last.output, group, to)) continue;
      const maps = this.following(group, last, to);
      if (maps !== undefined) return { maps, from: group, to };
    }
    return undefined;
  }

  /** Whether a group can make the value itself, where it reads it today. */
  private fits(value: Value, from: Group, to: Group): boolean {
    if (to.other !== undefined || !sameShape(to.space, from.space)) return false;
    return to.reads().every((read) => {
      const view = this.works.view(read.value);
      return view.root !== value || readsInOrder(view, read.value, to.space, read.shape);
    });
  }

  /** The maps that make what `last` makes, or undefined if `to` would have to read more than one value for them. */
  private following(from: Group, last: MapWork, to: Group): ReadonlySet<MapWork> | undefined {
    const { works, readers, fixed } = this;
    const own = new Set(from.elements());
    const known = new Set(to.reads().map(({ value }) => works.view(value).root));
    const maps = new Set([last]);
    const added = new Set<Value>();
    for (const map of maps) {
      for (const input of map.inputs) {
        const { root, strides } = works.view(input);
        if (strides.some((stride) => stride < 0)) return undefined;
        const stored = !own.has(root) || fixed.has(root) || [...(readers.get(root) ?? [])].some((it) => it !== from);
        const maker = from.maps.find(({ output }) => output === root);
        if (stored) {
          if (!known.has(root) && !isUniform(root)) added.add(root);
        } else if (maker !== undefined && this.readBy(from, root).every((reader) => maps.has(reader as MapWork))) {
          maps.add(maker);
        } else {
          return undefined;
        }
      }
    }
    return added.size > 1 ? undefined : maps;
  }

  private readBy(group: Group, root: Value): unknown[] {
    const reads = (value: Value) => this.works.view(value).root === root;
    return [
      ...group.maps.filter(({ inputs }) => inputs.some(reads)),
      ...group.reductions.filter(({ work }) => reads(work.input)),
    ];
  }
}
