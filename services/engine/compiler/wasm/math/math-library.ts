import { UncoupleError } from "../../../../common/errors.ts";
import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import type { ModuleBuilder } from "../../../../common/wasm/module-builder.ts";
import { LANE, OP } from "../../../../common/wasm/opcodes.ts";
import { SCALAR_FUNCTIONS } from "./scalar-functions.ts";
import { VECTOR_FUNCTIONS } from "./vector-functions.ts";

/**
 * The transcendental functions of one module, each added when it is first called. All are IEEE 754 arithmetic in a fixed
 * order, so that they give the same bits on every processor; nothing comes from JavaScript's `Math`, whose last bits are
 * the JavaScript engine's choice.
 */
export class MathLibrary {
  private readonly module: ModuleBuilder;
  private readonly added = new Map<string, number>();

  constructor(module: ModuleBuilder) {
    this.module = module;
  }

  /** Names of the functions of one argument. */
  static readonly names: readonly string[] = [
    ...new Set([...Object.keys(VECTOR_FUNCTIONS), ...Object.keys(SCALAR_FUNCTIONS)]),
  ];

  /** @returns the index of a function of one v128, or of two for `pow`: float32 lanes */
  vector(name: string): number {
    return this.once(`${name}4`, () => {
      if (name === "pow") return this.lanewise(2, () => this.pow());
      const own = VECTOR_FUNCTIONS[name];
      if (own === undefined) return this.lanewise(1, () => this.scalar(name));
      return this.module.function({ parameters: ["v128"], results: ["v128"] }, (f) => {
        own(f, f.parameter(0), (other) => f.call(this.vector(other)));
      });
    });
  }

  private scalar(name: string): number {
    const build = SCALAR_FUNCTIONS[name];
    if (build === undefined) throw new UncoupleError("internal", `no function ${name} in the math library`);
    return this.once(name, () =>
      this.module.function({ parameters: ["f64"], results: ["f64"] }, (f) => {
        build(f, f.parameter(0), (other) => f.call(this.scalar(other)));
      }),
    );
  }

  /** x^y with JavaScript's special cases: x^0 = 1; of a negative x only integer powers. */
  private pow(): number {
    return this.once("pow", () =>
      this.module.function({ parameters: ["f64", "f64"], results: ["f64"] }, (f) => {
        const [x, y, power] = [f.parameter(0), f.parameter(1), f.local("f64")];
        f.get(x).op(OP.f64Abs).call(this.scalar("log")).get(y).op(OP.f64Mul).call(this.scalar("exp")).set(power);
        f.get(x)
          .f64(0)
          .op(OP.f64Lt)
          .if(() => {
            // Odd: half of y ends in a half.
            f.get(power).op(OP.f64Neg).get(power);
            f.get(y).f64(0.5).op(OP.f64Mul).get(y).f64(0.5).op(OP.f64Mul, OP.f64Floor, OP.f64Sub);
            f.f64(0.5).op(OP.f64Eq, OP.select).set(power);
            f.get(power).f64(Number.NaN).get(y).op(OP.f64Floor).get(y).op(OP.f64Eq);
            f.get(x).f64(Number.NEGATIVE_INFINITY).op(OP.f64Eq, OP.i32Or, OP.select).set(power);
          });
        f.f64(1).get(power).get(y).f64(0).op(OP.f64Eq, OP.select);
      }),
    );
  }

  /** A function over vectors that calls one of float64 for each lane. */
  private lanewise(parameters: 1 | 2, scalar: () => number): number {
    const index = scalar();
    const signature = {
      parameters: Array.from({ length: parameters }, () => "v128" as const),
      results: ["v128"] as const,
    };
    return this.module.function(signature, (f) => {
      const inputs = signature.parameters.map((_, parameter) => f.parameter(parameter));
      const result = f.local("v128");
      for (let lane = 0; lane < 4; lane++) {
        f.get(result);
        for (const input of inputs) promoteLane(f, input, lane);
        f.call(index).op(OP.f32DemoteF64).lane(LANE.f32x4ReplaceLane, lane).set(result);
      }
      f.get(result);
    });
  }

  private once(key: string, add: () => number): number {
    const known = this.added.get(key);
    if (known !== undefined) return known;
    const index = add();
    this.added.set(key, index);
    return index;
  }
}

function promoteLane(f: FunctionBody, vector: Local, lane: number): void {
  f.get(vector).lane(LANE.f32x4ExtractLane, lane).op(OP.f64PromoteF32);
}
