import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { OP } from "../../../../common/wasm/opcodes.ts";
import { horner } from "./horner.ts";

/** Appends the body of a function of one float64: `x` to the result on the stack. */
export type ScalarFunction = (f: FunctionBody, x: Local, call: (name: string) => FunctionBody) => void;

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
/** pi / 2 in three parts of 33 bits. */
const PIO2 = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;

/** 1 / n! for n from `most` down to `least`. */
function reciprocalFactorials(most: number, least: number): number[] {
  const list: number[] = [];
  let factorial = 1;
  for (let n = 1; n <= most; n++) {
    factorial *= n;
    if (n >= least) list.unshift(1 / factorial);
  }
  return list;
}

/** e^x for |x| < 700; beyond, 0 or what is infinite as a float32. */
const exp: ScalarFunction = (f, x) => {
  const [n, r] = [f.local("f64"), f.local("f64")];
  f.get(x).f64(-700).get(x).f64(-700).op(OP.f64Lt, OP.i32Eqz, OP.select).set(x);
  f.get(x).f64(700).get(x).f64(700).op(OP.f64Gt, OP.i32Eqz, OP.select).tee(x);
  f.f64(Math.LOG2E).op(OP.f64Mul, OP.f64Nearest).set(n);
  f.get(x).get(n).f64(LN2_HIGH).op(OP.f64Mul, OP.f64Sub).get(n).f64(LN2_LOW).op(OP.f64Mul, OP.f64Sub).set(r);
  horner(f, r, [...reciprocalFactorials(12, 1), 1]);
  f.get(n).op(OP.i32TruncSatF64S).i32(1023).op(OP.i32Add, OP.i64ExtendI32S).i64(52n).op(OP.i64Shl);
  f.op(OP.f64ReinterpretI64, OP.f64Mul);
};

/** Natural logarithm: x = 2^e m, log m = 2 artanh((m - 1) / (m + 1)). Zero gives -Infinity, less NaN. */
const log: ScalarFunction = (f, x) => {
  const [e, m, s] = [f.local("f64"), f.local("f64"), f.local("f64")];
  // The bits of sqrt(1/2) move the exponent's step to the middle.
  const middle = 0x3fe6a09e667f3bcdn;
  f.get(x).op(OP.i64ReinterpretF64).i64(middle).op(OP.i64Sub).i64(52n).op(OP.i64ShrU, OP.i32WrapI64);
  f.i32(20)
    .op(OP.i32Shl, OP.f64ConvertI32S)
    .f64(2 ** -20)
    .op(OP.f64Mul)
    .set(e);
  f.get(x).op(OP.i64ReinterpretF64).get(e).op(OP.i32TruncSatF64S, OP.i64ExtendI32S).i64(52n).op(OP.i64Shl, OP.i64Sub);
  f.op(OP.f64ReinterpretI64).set(m);
  f.get(m).f64(1).op(OP.f64Sub).get(m).f64(1).op(OP.f64Add, OP.f64Div).tee(m).get(m).op(OP.f64Mul).set(s);
  horner(
    f,
    s,
    [21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1].map((odd) => 2 / odd),
  )
    .get(m)
    .op(OP.f64Mul);
  f.get(e).f64(Math.LN2).op(OP.f64Mul, OP.f64Add).set(m);
  f.get(m).get(x).get(x).f64(Number.POSITIVE_INFINITY).op(OP.f64Lt, OP.select).set(m);
  f.f64(Number.NEGATIVE_INFINITY).get(m).get(x).f64(0).op(OP.f64Eq, OP.select).set(m);
  f.get(m).f64(Number.NaN).get(x).f64(0).op(OP.f64Ge, OP.select);
};

/** sin and cos by the quarter turns from x to the nearest multiple of pi / 2: `shift` quarters are added. */
const turned =
  (shift: 0 | 1): ScalarFunction =>
  (f, x) => {
    const [n, r, square] = [f.local("f64"), f.local("f64"), f.local("f64")];
    const quarter = f.local("i32");
    f.get(x)
      .f64(2 / Math.PI)
      .op(OP.f64Mul, OP.f64Nearest)
      .set(n);
    f.get(x);
    for (const part of PIO2) f.get(n).f64(part).op(OP.f64Mul, OP.f64Sub);
    f.tee(r).get(r).op(OP.f64Mul).set(square);
    f.get(n).op(OP.i32TruncSatF64S).i32(shift).op(OP.i32Add).set(quarter);
    const alternating = (factorials: readonly number[]) =>
      factorials.map((factor, index) => ((factorials.length - index) % 2 === 1 ? factor : -factor));
    const odd = alternating(reciprocalFactorials(17, 1).filter((_, index) => index % 2 === 0));
    const even = alternating([...reciprocalFactorials(16, 1).filter((_, index) => index % 2 === 0), 1]);
    f.get(quarter)
      .i32(1)
      .op(OP.i32And)
      .if(
        () => horner(f, square, even),
        () => horner(f, square, odd).get(r).op(OP.f64Mul),
        "f64",
      );
    f.tee(r).op(OP.f64Neg).get(r).get(quarter).i32(2).op(OP.i32And, OP.select);
  };

const tan: ScalarFunction = (f, x, call) => {
  f.get(x);
  call("sin").get(x);
  call("cos").op(OP.f64Div);
};

/** atan x = atan(1 / x) turned above 1, and halved twice (x / (1 + sqrt(1 + x^2))) into the reach of its series. */
const atan: ScalarFunction = (f, x) => {
  const [y, square] = [f.local("f64"), f.local("f64")];
  const inverse = f.local("i32");
  f.get(x).op(OP.f64Abs).tee(y).f64(1).op(OP.f64Gt).set(inverse);
  f.f64(1).get(y).op(OP.f64Div).get(y).get(inverse).op(OP.select).set(y);
  for (let half = 0; half < 2; half++) {
    f.get(y).f64(1).f64(1).get(y).get(y).op(OP.f64Mul, OP.f64Add, OP.f64Sqrt, OP.f64Add, OP.f64Div).set(y);
  }
  f.get(y).get(y).op(OP.f64Mul).set(square);
  const series = Array.from({ length: 13 }, (_, index) => (index % 2 === 0 ? 4 : -4) / (2 * index + 1));
  horner(f, square, series.reverse()).get(y).op(OP.f64Mul).set(y);
  f.f64(Math.PI / 2)
    .get(y)
    .op(OP.f64Sub)
    .get(y)
    .get(inverse)
    .op(OP.select)
    .get(x)
    .op(OP.f64Copysign);
};

/** (1 - x) (1 + x) */
function complement(f: FunctionBody, x: Local): FunctionBody {
  return f.f64(1).get(x).op(OP.f64Sub).f64(1).get(x).op(OP.f64Add, OP.f64Mul);
}

const asin: ScalarFunction = (f, x, call) => {
  f.get(x);
  complement(f, x).op(OP.f64Sqrt, OP.f64Div);
  call("atan");
};

/** 2 atan(sqrt((1 - x) / (1 + x))) */
const acos: ScalarFunction = (f, x, call) => {
  f.f64(1).get(x).op(OP.f64Sub).f64(1).get(x).op(OP.f64Add, OP.f64Div, OP.f64Sqrt);
  call("atan").f64(2).op(OP.f64Mul);
};

/** A function whose formula cancels near zero: x + x^3 * `cubic` there. */
function withCubic(f: FunctionBody, x: Local, cubic: number): FunctionBody {
  f.get(x).get(x).get(x).op(OP.f64Mul).get(x).op(OP.f64Mul).f64(cubic).op(OP.f64Mul, OP.f64Add);
  return f.get(x).op(OP.f64Abs).f64(1e-3).op(OP.f64Lt, OP.i32Eqz, OP.select);
}

const sinh: ScalarFunction = (f, x, call) => {
  f.get(x);
  call("exp").get(x).op(OP.f64Neg);
  call("exp").op(OP.f64Sub).f64(0.5).op(OP.f64Mul);
  withCubic(f, x, 1 / 6);
};

const cosh: ScalarFunction = (f, x, call) => {
  f.get(x);
  call("exp").get(x).op(OP.f64Neg);
  call("exp").op(OP.f64Add).f64(0.5).op(OP.f64Mul);
};

/** sign(x) log(|x| + sqrt(x^2 + 1)) */
const asinh: ScalarFunction = (f, x, call) => {
  const size = f.local("f64");
  f.get(x).op(OP.f64Abs).tee(size).get(size).get(size).op(OP.f64Mul).f64(1).op(OP.f64Add, OP.f64Sqrt, OP.f64Add);
  call("log").get(x).op(OP.f64Copysign);
  withCubic(f, x, -1 / 6);
};

const acosh: ScalarFunction = (f, x, call) => {
  f.get(x).get(x).f64(1).op(OP.f64Sub).get(x).f64(1).op(OP.f64Add, OP.f64Mul, OP.f64Sqrt, OP.f64Add);
  call("log");
};

const atanh: ScalarFunction = (f, x, call) => {
  f.f64(1).get(x).op(OP.f64Add).f64(1).get(x).op(OP.f64Sub, OP.f64Div);
  call("log").f64(0.5).op(OP.f64Mul);
  withCubic(f, x, 1 / 3);
};

/** log(1 + e^x), without overflow and without cancellation. */
const softplus: ScalarFunction = (f, x, call) => {
  const power = f.local("f64");
  f.get(x);
  call("exp").set(power);
  f.get(power).get(power).get(power).op(OP.f64Mul).f64(0.5).op(OP.f64Mul, OP.f64Sub);
  f.f64(1).get(power).op(OP.f64Add);
  call("log");
  f.get(power).f64(1e-6).op(OP.f64Lt, OP.select);
  f.get(x).get(x).f64(40).op(OP.f64Gt, OP.i32Eqz, OP.select);
};

/** Chebyshev interpolation in 40 digits: erf(x) / x in x^2 on [0, 1], to 2e-14. */
const ERF = [
  -1.0469110332151208e-7, 1.5306373163641084e-6, -1.4795031400662045e-5, 1.2046261269779797e-4, -8.547933736519633e-4,
  5.2239671935439e-3, -2.6866169050599326e-2, 1.1283791658548713e-1, -3.7612638902808615e-1, 1.128379167095494,
];
/** erfc(x) e^(x^2) in 1 / (1 + x / 2) for x from 1 to 4.2, to 3e-13. Above, erf is 1 as a float32. */
const ERFCX = [
  2.0425745127278263e-2, -1.8690569718980396e-1, 6.227875070695691e-1, -9.898235463048121e-1, 7.450678252081945e-1,
  -3.11029862471118e-1, 3.1799852454635175e-1, 2.1226214488574832e-1, 2.876069468571465e-1, 2.8157518610988513e-1,
  2.2005008944409334e-5,
];

const erf: ScalarFunction = (f, x, call) => {
  const [size, t] = [f.local("f64"), f.local("f64")];
  f.get(x).op(OP.f64Abs).tee(size).get(size).op(OP.f64Mul).set(t);
  f.get(size)
    .f64(1)
    .op(OP.f64Le)
    .if(
      () => horner(f, t, ERF).get(x).op(OP.f64Mul),
      () => {
        f.get(t).op(OP.f64Neg);
        call("exp").f64(1).f64(1).get(size).f64(0.5).op(OP.f64Mul, OP.f64Add, OP.f64Div).set(t);
        horner(f, t, ERFCX).op(OP.f64Mul).set(t);
        f.f64(1).get(t).op(OP.f64Sub).f64(1).get(size).f64(4.2).op(OP.f64Gt, OP.i32Eqz, OP.select);
        f.get(x).op(OP.f64Copysign);
      },
      "f64",
    );
};

/**
 * Functions of one float64 that is a float32, in float64 arithmetic: rounded to float32, the error is below 0.51 units in
 * the last place (tested), for sin, cos and tan up to |x| of 1e6.
 */
export const SCALAR_FUNCTIONS: Readonly<Record<string, ScalarFunction>> = {
  exp,
  log,
  sin: turned(0),
  cos: turned(1),
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  softplus,
  erf,
};
