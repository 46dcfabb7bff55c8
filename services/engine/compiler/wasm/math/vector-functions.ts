import type { FunctionBody, Local } from "../../../../common/wasm/function-body.ts";
import { OP } from "../../../../common/wasm/opcodes.ts";
import { horner4 } from "./horner.ts";

/** Appends the body of a function of four float32: `x` to the result on the stack. */
export type VectorFunction = (f: FunctionBody, x: Local, call: (name: string) => FunctionBody) => void;

/** ln 2 in two parts: n times the first is exact for the exponents of float32. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** 2^n in every lane, for integers from -126 to 127 in `n`. */
function powerOfTwo(f: FunctionBody, n: Local): void {
  f.get(n).i32x4(127).op(OP.i32x4Add).i32(23).op(OP.i32x4Shl);
}

/**
 * e^x (after Cephes' expf): x = n ln 2 + r, a polynomial of r, and 2^n by the exponent in two halves, so that results
 * round correctly into the denormal numbers and overflow to infinity.
 */
const exp: VectorFunction = (f, x) => {
  const [n, half, r] = [f.local("v128"), f.local("v128"), f.local("v128")];
  // pmin and pmax in this order keep NaN.
  f.get(x).f32x4(89).op(OP.f32x4Pmin).f32x4(-104).op(OP.f32x4Pmax).tee(x);
  f.f32x4(Math.LOG2E).op(OP.f32x4Mul, OP.f32x4Nearest).set(n);
  f.get(x).get(n).f32x4(LN2_HIGH).op(OP.f32x4Mul, OP.f32x4Sub);
  f.get(n).f32x4(LN2_LOW).op(OP.f32x4Mul, OP.f32x4Sub).set(r);
  const polynomial = [
    1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
  ];
  horner4(f, r, polynomial).get(r).get(r).op(OP.f32x4Mul, OP.f32x4Mul).get(r).op(OP.f32x4Add);
  f.f32x4(1).op(OP.f32x4Add);
  f.get(n).op(OP.i32x4TruncSatF32x4S).tee(n).i32(1).op(OP.i32x4ShrS).set(half);
  powerOfTwo(f, half);
  f.op(OP.f32x4Mul);
  f.get(n).get(half).op(OP.i32x4Sub).set(n);
  powerOfTwo(f, n);
  f.op(OP.f32x4Mul);
};

/** e^x - 1: a polynomial near zero, where the difference would cancel. */
const expm1: VectorFunction = (f, x, call) => {
  horner4(f, x, EXPM1_COEFFICIENTS).get(x).get(x).op(OP.f32x4Mul, OP.f32x4Mul).get(x).op(OP.f32x4Add);
  f.get(x);
  call("exp").f32x4(1).op(OP.f32x4Sub);
  f.get(x).op(OP.f32x4Abs).f32x4(0.7).op(OP.f32x4Lt, OP.v128Bitselect);
};

/** (e^x - 1 - x) / x^2 for |x| < 0.7 to 1.4e-10: Chebyshev interpolation in 40 digits. */
const EXPM1_COEFFICIENTS = [
  2.7803893154e-6, 2.5073031866e-5, 1.9840513701e-4, 1.3888056279e-3, 8.3333340747e-3, 4.1666674832e-2, 1.6666666666e-1,
  0.5,
];

/** Natural logarithm (after Cephes' logf): x = 2^e m with m in [sqrt(1/2), sqrt(2)), and a polynomial of m - 1. */
const log: VectorFunction = (f, x) => {
  const [m, e, z, small, input] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  f.get(x).set(input);
  // Denormal numbers are scaled into the normal ones.
  f.get(x)
    .f32x4(2 ** -126)
    .op(OP.f32x4Lt)
    .set(small);
  f.get(x)
    .f32x4(2 ** 23)
    .op(OP.f32x4Mul)
    .get(x)
    .get(small)
    .op(OP.v128Bitselect)
    .set(x);
  f.get(x).i32(23).op(OP.i32x4ShrS).i32x4(126).op(OP.i32x4Sub, OP.f32x4ConvertI32x4S);
  f.f32x4(23).get(small).op(OP.v128And, OP.f32x4Sub).set(e);
  f.get(x).i32x4(0x007fffff).op(OP.v128And).i32x4(0x3f000000).op(OP.v128Or).set(m);
  f.get(m).f32x4(Math.SQRT1_2).op(OP.f32x4Lt).set(small);
  f.get(e).f32x4(1).get(small).op(OP.v128And, OP.f32x4Sub).set(e);
  f.get(m).get(m).get(small).op(OP.v128And, OP.f32x4Add).f32x4(1).op(OP.f32x4Sub).set(m);
  f.get(m).get(m).op(OP.f32x4Mul).set(z);
  const polynomial = [
    7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
    2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
  ];
  horner4(f, m, polynomial).get(m).op(OP.f32x4Mul).get(z).op(OP.f32x4Mul);
  f.get(e).f32x4(LN2_LOW).op(OP.f32x4Mul, OP.f32x4Add).get(z).f32x4(0.5).op(OP.f32x4Mul, OP.f32x4Sub);
  f.get(m).op(OP.f32x4Add).get(e).f32x4(LN2_HIGH).op(OP.f32x4Mul, OP.f32x4Add).set(m);
  // Zero, infinity, and what has no logarithm.
  f.f32x4(Number.NEGATIVE_INFINITY).get(m).get(input).f32x4(0).op(OP.f32x4Eq, OP.v128Bitselect).set(m);
  f.get(input).get(m).get(input).f32x4(Number.POSITIVE_INFINITY).op(OP.f32x4Eq, OP.v128Bitselect).set(m);
  f.get(m).f32x4(Number.NaN).get(input).f32x4(0).op(OP.f32x4Ge, OP.v128Bitselect);
};

/** tanh (after Cephes' tanhf): a polynomial below 0.625, 1 - 2 / (e^2x + 1) above. */
const tanh: VectorFunction = (f, x, call) => {
  const [size, square] = [f.local("v128"), f.local("v128")];
  f.get(x).op(OP.f32x4Abs).set(size);
  f.get(x).get(x).op(OP.f32x4Mul).set(square);
  const polynomial = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1];
  horner4(f, square, polynomial).get(square).op(OP.f32x4Mul).get(x).op(OP.f32x4Mul).get(x).op(OP.f32x4Add);
  f.f32x4(1).f32x4(2).get(size).get(size).op(OP.f32x4Add);
  call("exp").f32x4(1).op(OP.f32x4Add, OP.f32x4Div, OP.f32x4Sub);
  // The sign of x.
  f.get(x).i32x4(-0x80000000).op(OP.v128And, OP.v128Or);
  f.get(size).f32x4(0.625).op(OP.f32x4Lt, OP.v128Bitselect);
};

/** 1 / (1 + e^-x). */
const sigmoid: VectorFunction = (f, x, call) => {
  f.f32x4(1).get(x).op(OP.f32x4Neg);
  call("exp").f32x4(1).op(OP.f32x4Add, OP.f32x4Div);
};

/**
 * Functions of four float32 at once, in float32 arithmetic. Error bounds in units in the last place, over all float32
 * numbers whose result is normal (tested): exp 1.5, expm1 2.5, log 1.5, tanh 2, sigmoid 2.5.
 */
export const VECTOR_FUNCTIONS: Readonly<Record<string, VectorFunction>> = { exp, expm1, log, tanh, sigmoid };
