import { UncoupleError } from "../../../../common/errors.ts";
import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { splatOf, type Value } from "../../graph/ir.ts";
import type { Home } from "../lower/memory-plan.ts";
import { canonical, canonicalStrides, contiguousStrides } from "../lower/view.ts";
import type { Works } from "../lower/works.ts";
import type { MathLibrary } from "../math/math-library.ts";

/** Elements of a value in memory, along the canonical axes of a space. */
export interface Access {
  readonly base?: number;
  /** Of the element at the origin of the space, in bytes, without the base. */
  readonly address: number;
  /** In elements, 0 where the value is broadcast. */
  readonly strides: readonly number[];
}

/** What emitting a group needs to know of the module. */
export class EmitContext {
  readonly works: Works;
  readonly math: MathLibrary;
  private readonly homes: ReadonlyMap<Value, Home>;
  private readonly flushed: ReadonlySet<Value>;

  /** @param flushed stored values whose denormal elements become zero */
  constructor(works: Works, homes: ReadonlyMap<Value, Home>, math: MathLibrary, flushed: ReadonlySet<Value>) {
    this.works = works;
    this.homes = homes;
    this.math = math;
    this.flushed = flushed;
  }

  isStored(root: Value): boolean {
    return this.homes.has(root);
  }

  isFlushed(root: Value): boolean {
    return this.flushed.has(root);
  }

  /** @throws UncoupleError `internal` if the value is not in memory */
  home(root: Value): Home {
    const home = this.homes.get(root);
    if (home === undefined) throw new UncoupleError("internal", `a value of shape [${root.shape}] has no memory`);
    return home;
  }

  /** Reading a value where it is broadcast to `shape`. */
  reading(value: Value, shape: readonly number[]): Access {
    const view = this.works.view(value);
    const home = this.home(view.root);
    return at(home, view.offset, canonicalStrides(view, value.shape, shape));
  }

  /** Writing a value that a work makes. */
  writing(value: Value): Access {
    const placement = this.works.placements.get(value);
    if (placement === undefined) return at(this.home(value), 0, contiguousStrides(canonical(value.shape)));
    const strides = placement.strides.filter((_, axis) => value.shape[axis] !== 1);
    return at(this.home(value), 0, strides);
  }
}

function at({ base, address }: Home, offset: number, strides: readonly number[]): Access {
  return { ...(base !== undefined && { base }), address: address + 4 * offset, strides };
}

/** Pushes four times the number of a uniform constant, if the value is one. @returns whether it is */
export function pushUniform(f: FunctionBody, value: Value): boolean {
  const { constant, type } = value;
  if (constant === undefined) return false;
  const number = constant.length === 1 ? constant[0] : splatOf(value);
  if (number === undefined) return false;
  if (type === "float32") f.f32x4(number as number);
  else if (type === "bool") f.i32x4(number === 0 ? 0 : -1);
  else f.i32x4(Number(number));
  return true;
}

/** Named registers that are read several times. */
export type Registers = Map<Value, Local>;
