import { size, splatOf, type Value } from "../../graph/ir.ts";
import type { FusedGroups, Group } from "./groups.ts";
import { scratchOf } from "./product-plan.ts";
import type { Works } from "./works.ts";

/** Where a stored value begins in the module's memory. */
export interface Home {
  /** A global that is added to the address: for what lies elsewhere from step to step. */
  readonly base?: number;
  /** In bytes. */
  readonly address: number;
}

/** Every address is a multiple of this many bytes: a cache line. */
const ALIGNMENT = 64;

/** Bytes that a vector load may read beyond the last element of anything. */
export const SLACK_BYTES = 64;

/** A value that is kept from step to step. */
export interface Kept {
  /** What the step reads; stored from the start. */
  readonly before: Value;
  /** What the next step reads. */
  readonly after: Value;
}

export interface MemoryPlan {
  readonly groups: readonly Group[];
  /** Of stored values; what is missing lives in registers only. */
  readonly homes: ReadonlyMap<Value, Home>;
  /** Values whose elements must be copied to where the next step reads them. */
  readonly moves: readonly Kept[];
  /** Constants that must be in memory from the start. */
  readonly constants: readonly Value[];
  /** Where memory that is not planned begins. */
  readonly bytes: number;
}

/**
 * Gives every stored value its memory for the part of a step in which it is needed: values that are never needed at the
 * same time share addresses.
 *
 * @param given homes of inputs and states
 * @param from first free byte
 */
export function planMemory(
  works: Works,
  fused: FusedGroups,
  given: ReadonlyMap<Value, Home>,
  kept: readonly Kept[],
  results: readonly Value[],
  from: number,
): MemoryPlan {
  const homes = new Map(given);
  const made = new Set(fused.all().flatMap((group) => group.outputs()));
  const moves: Kept[] = [];
  for (const pair of kept) {
    const { root, offset } = works.view(pair.after);
    const home = given.get(pair.before) as Home;
    const maker = fused.all().find((group) => group.elements().includes(root));
    const free = maker !== undefined && offset === 0 && !works.placements.has(root) && !homes.has(root);
    if (pair.after === pair.before) continue;
    if (free && size(root.shape) === size(pair.before.shape) && fused.overwrites(maker, pair.before)) {
      homes.set(root, home);
    } else {
      moves.push(pair);
    }
  }
  const groups = fused.ordered();

  /** The value whose memory a stored value is in. */
  const owner = (root: Value): Value => {
    const placement = works.placements.get(root);
    return placement === undefined ? root : owner(placement.parent);
  };
  const lives = new Map<Value, { first: number; last: number }>();
  const constants = new Set<Value>();
  const extend = (root: Value, index: number): void => {
    const whole = owner(root);
    const life = lives.get(whole) ?? { first: index, last: index };
    lives.set(whole, { first: Math.min(life.first, index), last: Math.max(life.last, index) });
  };
  const read = (value: Value, index: number, inline: boolean): void => {
    const { root } = works.view(value);
    if (root.constant !== undefined) {
      if (!inline || !isUniform(root)) constants.add(root);
    } else if (made.has(root) || works.placements.has(root) || isWhole(works, root)) {
      extend(root, index);
    }
  };
  groups.forEach((group, index) => {
    const own = new Set(group.elements());
    for (const { value } of group.reads()) if (!own.has(works.view(value).root)) read(value, index, true);
    for (const value of group.wholes()) read(value, index, false);
  });
  for (const value of [...results, ...moves.map(({ after }) => after)]) read(value, groups.length, false);
  groups.forEach((group, index) => {
    for (const output of group.outputs()) {
      const needed = lives.has(owner(output));
      // What a loop of its own or a reduction writes is written whether it is read or not.
      const written =
        group.other !== undefined ||
        (group.product !== undefined && scratchOf(group.product.plan).includes(output)) ||
        group.reductions.some(({ work }) => work.output === output);
      if (needed || written) extend(output, index);
    }
  });

  const allocator = new Allocator(from);
  for (const [value, { first, last }] of [...lives].sort(([a], [b]) => size(b.shape) - size(a.shape))) {
    if (!homes.has(value)) homes.set(value, { address: allocator.place(first, last, 4 * size(value.shape)) });
  }
  for (const root of constants) homes.set(root, { address: allocator.place(0, groups.length, 4 * size(root.shape)) });
  for (const [piece, { offset }] of works.placements) {
    const whole = homes.get(owner(piece));
    if (whole !== undefined)
      homes.set(piece, { ...whole, address: whole.address + 4 * (offset + nested(works, piece)) });
  }
  return { groups, homes, moves, constants: [...constants], bytes: allocator.end };
}

/** Whether a value is put together from pieces. */
function isWhole(works: Works, root: Value): boolean {
  for (const { parent } of works.placements.values()) if (parent === root) return true;
  return false;
}

/** How far the parent of a piece lies inside its own parents, in elements. */
function nested(works: Works, piece: Value): number {
  const parent = works.placements.get(piece)?.parent;
  const outer = parent === undefined ? undefined : works.placements.get(parent);
  return parent === undefined || outer === undefined ? 0 : outer.offset + nested(works, parent);
}

/** Constants that an instruction holds. */
export function isUniform(value: Value): boolean {
  return value.constant?.length === 1 || splatOf(value) !== undefined;
}

/** First fit among what is placed already and needed at the same time. */
class Allocator {
  end: number;
  private readonly from: number;
  private readonly placed: {
    readonly first: number;
    readonly last: number;
    readonly address: number;
    readonly bytes: number;
  }[] = [];

  constructor(from: number) {
    this.from = align(from);
    this.end = this.from;
  }

  place(first: number, last: number, bytes: number): number {
    const rivals = this.placed.filter((other) => other.first <= last && first <= other.last);
    let address = this.from;
    for (const rival of rivals.sort((a, b) => a.address - b.address)) {
      if (address + bytes <= rival.address) break;
      address = Math.max(address, align(rival.address + rival.bytes));
    }
    this.placed.push({ first, last, address, bytes });
    this.end = Math.max(this.end, align(address + bytes));
    return address;
  }
}

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
