import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { LANE, OP } from "../../../../common/wasm/opcodes.ts";
import type { ElementType, Value } from "../../graph/ir.ts";
import { STEEP } from "../../kernels/activations.ts";
import { floatAttribute, NEVER_NEGATIVE } from "../lower/legalize.ts";
import { UnsupportedOperator } from "../lower/unsupported.ts";
import type { MapWork } from "../lower/works.ts";
import type { MathLibrary } from "../math/math-library.ts";

/** One operator about to be emitted: four elements of each input at hand. */
interface Call {
  readonly f: FunctionBody;
  readonly math: MathLibrary;
  readonly work: MapWork;
  /** Pushes four elements of an input. */
  arg(index: number): FunctionBody;
  /** The inputs' common type. */
  readonly type: ElementType;
}

type Emit = (call: Call) => void;
type OpCode = (typeof OP)[keyof typeof OP];

/** Bools are masks: all bits of a lane set or none. 64-bit integers are held in 32. */
const isFloat = (type: ElementType) => type === "float32";

/** An instruction for floats and one for integers. */
const plain =
  (float: OpCode | undefined, integer?: OpCode, before: readonly OpCode[] = []): Emit =>
  ({ f, arg, type, work }) => {
    const code = isFloat(type) ? float : integer;
    if (code === undefined || (type === "bool" && before.length === 0))
      throw new UnsupportedOperator(work.op, `over ${type}`);
    work.inputs.forEach((_, index) => {
      arg(index);
    });
    f.op(code);
  };

const floats =
  (emit: Emit): Emit =>
  (call) => {
    if (!isFloat(call.type)) throw new UnsupportedOperator(call.work.op, `over ${call.type}`);
    emit(call);
  };

const math = (name: string): Emit => floats(({ f, arg, math: library }) => arg(0) && f.call(library.vector(name)));

const logical =
  (code: OpCode): Emit =>
  ({ f, work, arg }) => {
    work.inputs.forEach((_, index) => {
      arg(index);
    });
    f.op(code);
  };

/** a where the mask on top of the stack is set, b elsewhere: the two are below. */
const choose = (f: FunctionBody) => f.op(OP.v128Bitselect);

const relu: Emit = ({ f, arg, type }) => {
  // pmax in this order keeps NaN.
  if (isFloat(type)) arg(0).f32x4(0).op(OP.f32x4Pmax);
  else arg(0).i32x4(0).op(OP.i32x4MaxS);
  return f;
};

const clip: Emit = ({ f, arg, type }) => {
  const [most, least] = isFloat(type) ? [OP.f32x4Pmin, OP.f32x4Pmax] : [OP.i32x4MinS, OP.i32x4MaxS];
  arg(0);
  arg(1);
  f.op(least);
  arg(2);
  f.op(most);
};

const sign: Emit = ({ f, arg, type }) => {
  if (!isFloat(type)) {
    arg(0).i32x4(0).op(OP.i32x4LtS);
    arg(0).i32x4(0).op(OP.i32x4GtS, OP.i32x4Sub);
    return;
  }
  f.f32x4(1);
  arg(0).f32x4(0).op(OP.f32x4Gt, OP.v128And).f32x4(1);
  arg(0).f32x4(0).op(OP.f32x4Lt, OP.v128And, OP.f32x4Sub);
  // NaN stays NaN.
  arg(0);
  arg(0).op(OP.f32x4Ne, OP.v128Or);
};

/** x where it is not below zero, `negative` of it elsewhere. */
const belowZero = (negative: Emit): Emit =>
  floats((call) => {
    const { f, arg } = call;
    negative(call);
    arg(0);
    arg(0).f32x4(0).op(OP.f32x4Lt);
    choose(f);
  });

const scaledExpm1 =
  (scale: number): Emit =>
  ({ f, arg, math: library }) => {
    arg(0);
    f.call(library.vector("expm1")).f32x4(scale).op(OP.f32x4Mul);
  };

/** Of "Self-Normalizing Neural Networks" (Klambauer et al., 2017), appendix A. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

const hardSigmoid: Emit = ({ f, arg, work: { attributes } }) => {
  const alpha = floatAttribute(attributes, "alpha");
  const beta = floatAttribute(attributes, "beta");
  const steep = alpha === STEEP;
  arg(0);
  if (!steep) f.f32x4(alpha).op(OP.f32x4Mul);
  if (!steep && beta !== 0) f.f32x4(beta).op(OP.f32x4Add);
  if (beta !== 0 || attributes[NEVER_NEGATIVE] === undefined) f.f32x4(0).op(OP.f32x4Pmax);
  f.f32x4(1).op(OP.f32x4Pmin);
  // The kernel Step: exact, also for denormal numbers.
  if (steep) f.op(OP.f32x4Ceil);
};

/** The number that every element of a constant has. */
function constantOf(value: Value | undefined): number | undefined {
  const { constant } = value ?? {};
  return constant !== undefined && constant.length === 1 ? Number(constant[0]) : undefined;
}

const pow: Emit = ({ f, arg, work, math: library }) => {
  switch (constantOf(work.inputs[1])) {
    case 1:
      arg(0);
      return;
    case 2:
      arg(0);
      arg(0).op(OP.f32x4Mul);
      return;
    case 0.5:
      arg(0).op(OP.f32x4Sqrt);
      return;
    default:
      arg(0);
      arg(1);
      f.call(library.vector("pow"));
  }
};

/** The remainder with the sign of the divisor, of integers; 0 for the divisor 0. */
const mod: Emit = ({ f, arg, type }) => {
  if (isFloat(type)) throw new UnsupportedOperator("Mod", "over float32");
  const [a, b, result] = [f.local("i32"), f.local("i32"), f.local("v128")];
  f.i32x4(0).set(result);
  for (let lane = 0; lane < 4; lane++) {
    arg(1)
      .lane(LANE.i32x4ExtractLane, lane)
      .tee(b)
      .if(() => {
        f.get(result);
        arg(0).lane(LANE.i32x4ExtractLane, lane).get(b).op(OP.i32RemS).tee(a);
        // A remainder other than 0 on the other side of 0 moves over by one divisor.
        f.get(b)
          .i32(0)
          .get(a)
          .get(b)
          .op(OP.i32Xor)
          .i32(0)
          .op(OP.i32LtS)
          .get(a)
          .i32(0)
          .op(OP.i32Ne, OP.i32And, OP.select);
        f.op(OP.i32Add).lane(LANE.i32x4ReplaceLane, lane).set(result);
      });
  }
  f.get(result).release(a, b, result);
};

const cast: Emit = ({ f, arg, type, work }) => {
  const to = work.output.type;
  arg(0);
  if (type === to || (type !== "float32" && type !== "bool" && to !== "float32" && to !== "bool")) return;
  if (type === "bool") {
    if (to === "float32") f.f32x4(1).op(OP.v128And);
    else f.i32x4(1).op(OP.v128And);
    return;
  }
  if (to === "bool") {
    if (type === "float32") f.f32x4(0).op(OP.f32x4Ne);
    else f.i32x4(0).op(OP.i32x4Eq, OP.v128Not);
    return;
  }
  f.op(type === "float32" ? OP.i32x4TruncSatF32x4S : OP.f32x4ConvertI32x4S);
};

const where: Emit = ({ f, arg }) => {
  arg(1);
  arg(2);
  arg(0);
  choose(f);
};

const EMITTERS: Readonly<Record<string, Emit>> = {
  Identity: ({ arg }) => arg(0),
  Add: plain(OP.f32x4Add, OP.i32x4Add),
  Sub: plain(OP.f32x4Sub, OP.i32x4Sub),
  Mul: plain(OP.f32x4Mul, OP.i32x4Mul),
  Div: plain(OP.f32x4Div),
  Max: plain(OP.f32x4Max, OP.i32x4MaxS),
  Min: plain(OP.f32x4Min, OP.i32x4MinS),
  Abs: plain(OP.f32x4Abs, OP.i32x4Abs),
  Neg: plain(OP.f32x4Neg, OP.i32x4Neg),
  Sqrt: plain(OP.f32x4Sqrt),
  Floor: plain(OP.f32x4Floor),
  Ceil: plain(OP.f32x4Ceil),
  Round: plain(OP.f32x4Nearest),
  Equal: plain(OP.f32x4Eq, OP.i32x4Eq),
  Greater: plain(OP.f32x4Gt, OP.i32x4GtS),
  GreaterOrEqual: plain(OP.f32x4Ge, OP.i32x4GeS),
  Less: plain(OP.f32x4Lt, OP.i32x4LtS),
  LessOrEqual: plain(OP.f32x4Le, OP.i32x4LeS),
  And: logical(OP.v128And),
  Or: logical(OP.v128Or),
  Xor: logical(OP.v128Xor),
  Not: logical(OP.v128Not),
  Pow: floats(pow),
  Mod: mod,
  Sign: sign,
  Reciprocal: floats(({ f, arg }) => {
    f.f32x4(1);
    arg(0).op(OP.f32x4Div);
  }),
  Exp: math("exp"),
  Log: math("log"),
  Tanh: math("tanh"),
  Sigmoid: math("sigmoid"),
  Softplus: math("softplus"),
  Erf: math("erf"),
  Sin: math("sin"),
  Cos: math("cos"),
  Tan: math("tan"),
  Asin: math("asin"),
  Acos: math("acos"),
  Atan: math("atan"),
  Sinh: math("sinh"),
  Cosh: math("cosh"),
  Asinh: math("asinh"),
  Acosh: math("acosh"),
  Atanh: math("atanh"),
  Relu: relu,
  Clip: clip,
  HardSigmoid: floats(hardSigmoid),
  LeakyRelu: belowZero(({ arg, work }) => {
    arg(0).f32x4(floatAttribute(work.attributes, "alpha")).op(OP.f32x4Mul);
  }),
  PRelu: belowZero(({ f, arg }) => {
    arg(0);
    arg(1);
    f.op(OP.f32x4Mul);
  }),
  Elu: belowZero(scaledExpm1(1)),
  Selu: floats((call) => {
    belowZero(scaledExpm1(SELU_ALPHA))(call);
    call.f.f32x4(SELU_SCALE).op(OP.f32x4Mul);
  }),
  Cast: cast,
  Where: where,
  IsNaN: floats(({ arg }) => {
    arg(0);
    arg(0).op(OP.f32x4Ne);
  }),
  IsInf: floats(({ arg }) => arg(0).op(OP.f32x4Abs).f32x4(Number.POSITIVE_INFINITY).op(OP.f32x4Eq)),
};

/** @throws UnsupportedOperator if the operator is not generated, or not for its inputs' type */
export function emitMap(
  f: FunctionBody,
  library: MathLibrary,
  work: MapWork,
  arg: (index: number) => FunctionBody,
): Local {
  const emit = EMITTERS[work.op];
  if (emit === undefined) throw new UnsupportedOperator(work.op);
  emit({ f, math: library, work, arg, type: work.inputs[0]?.type ?? "float32" });
  const result = f.local("v128");
  f.set(result);
  return result;
}
