/**
 * exp, log, cos and cbrt in float64, with the same bits on every machine. JavaScript leaves the last bits of `Math.exp` and
 * the like to the engine, and engines differ between versions and processors; it fixes additions, multiplications,
 * divisions and square roots (IEEE 754), and no engine contracts them. Everything that enters a run, a data set or a
 * verdict uses these functions.
 *
 * The algorithms and their constants are those of fdlibm (https://www.netlib.org/fdlibm) and, for cbrt, of FreeBSD's
 * version of it. Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun
 * Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software is freely granted, provided
 * that this notice is preserved.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** e^x. The error is below 1 ulp. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.1332191019411) return 0;
  const magnitude = Math.abs(x);
  if (magnitude < 3.725290298461914e-9) return 1 + x;
  // x = k ln 2 + (high - low), |high - low| <= ln 2 / 2.
  let k = 0;
  if (magnitude > 1.0397207708399179) k = Math.trunc(Math.LOG2E * x + (x < 0 ? -0.5 : 0.5));
  else if (magnitude > 0.34657359027997264) k = x < 0 ? -1 : 1;
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = k === 0 ? x : high - low;
  const t = r * r;
  const c =
    r -
    t *
      (0.16666666666666602 +
        t *
          (-0.0027777777777015593 +
            t * (0.00006613756321437934 + t * (-0.0000016533902205465252 + t * 4.1381367970572385e-8))));
  if (k === 0) return 1 - ((r * c) / (c - 2) - r);
  const y = 1 - (low - (r * c) / (2 - c) - high);
  // Two factors, because 2^k itself overflows for the largest results and is subnormal for the smallest.
  if (k === 1024) return y * 2 * powerOfTwo(1023);
  return k >= -1021 ? y * powerOfTwo(k) : y * powerOfTwo(k + 1000) * powerOfTwo(-1000);
}

/** The natural logarithm. The error is below 1 ulp; -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  // x = 2^k (1 + f), sqrt(2) / 2 < 1 + f < sqrt(2).
  const isSubnormal = x < 2.2250738585072014e-308;
  bits.setFloat64(0, isSubnormal ? x * 18014398509481984 : x);
  const word = bits.getInt32(0);
  const fraction = word & 0xfffff;
  const carry = (fraction + 0x95f64) & 0x100000;
  const k = (word >> 20) - 1023 + (carry >> 20) - (isSubnormal ? 54 : 0);
  bits.setInt32(0, fraction | (carry ^ 0x3ff00000));
  const f = bits.getFloat64(0) - 1;
  if (f === 0) return k * LN2_HIGH + k * LN2_LOW;
  if (Math.abs(f) < 9.5367431640625e-7) {
    const r = f * f * (0.5 - 0.3333333333333333 * f);
    return k === 0 ? f - r : k * LN2_HIGH - (r - k * LN2_LOW - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const r = odd + even;
  if (((fraction - 0x6147a) | (0x6b851 - fraction)) > 0) {
    const half = 0.5 * f * f;
    return k === 0 ? f - (half - s * (half + r)) : k * LN2_HIGH - (half - (s * (half + r) + k * LN2_LOW) - f);
  }
  return k === 0 ? f - s * (f - r) : k * LN2_HIGH - (s * (f - r) - k * LN2_LOW - f);
}

/** The cosine of x radians, |x| <= 2^20. The error is below 1 ulp. */
export function cos(x: number): number {
  // x = n pi / 2 + (high + low), |high| <= pi / 4; pi / 2 in three parts, of which n times the first two are exact.
  const n = Math.round(x * 0.6366197723675814);
  const first = x - n * 1.5707963267341256;
  const second = first - n * 6.077100506303966e-11;
  const rest = n * 2.0222662487959506e-21 - (first - second - n * 6.077100506303966e-11);
  const high = second - rest;
  const low = second - high - rest;
  switch (n & 3) {
    case 0:
      return cosKernel(high, low);
    case 1:
      return -sinKernel(high, low);
    case 2:
      return -cosKernel(high, low);
    default:
      return sinKernel(high, low);
  }
}

/** The cosine of x + y, |x| <= pi / 4, y far smaller. */
function cosKernel(x: number, y: number): number {
  const z = x * x;
  const r =
    z *
    (0.0416666666666666 +
      z *
        (-0.001388888888887411 +
          z *
            (0.00002480158728947673 +
              z * (-2.7557314351390663e-7 + z * (2.087572321298175e-9 + z * -1.1359647557788195e-11)))));
  const magnitude = Math.abs(x);
  if (magnitude < 0.3) return 1 - (0.5 * z - (z * r - x * y));
  // About x / 4, short enough that 1 - part is exact.
  const part = magnitude > 0.78125 ? 0.28125 : Math.fround(magnitude / 4);
  return 1 - part - (0.5 * z - part - (z * r - x * y));
}

/** The sine of x + y, |x| <= pi / 4, y far smaller. */
function sinKernel(x: number, y: number): number {
  const z = x * x;
  const v = z * x;
  const r =
    0.00833333333332249 +
    z *
      (-0.0001984126982985795 +
        z * (0.0000027557313707070068 + z * (-2.5050760253406863e-8 + z * 1.58969099521155e-10)));
  return x - (z * (0.5 * y - v * r) - y - v * -0.16666666666666632);
}

/** The cube root. The error is below 1 ulp. */
export function cbrt(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  // A third of the exponent, with a correction for its bias: 5 bits.
  const magnitude = Math.abs(x);
  const isSubnormal = magnitude < 2.2250738585072014e-308;
  bits.setFloat64(0, isSubnormal ? magnitude * 18014398509481984 : magnitude);
  bits.setInt32(0, Math.trunc(bits.getInt32(0) / 3) + (isSubnormal ? 696219795 : 715094163));
  bits.setInt32(4, 0);
  let t = bits.getFloat64(0);
  // 23 bits, rounded away from zero so that its square is exact.
  const r = t * t * (t / magnitude);
  t *=
    1.87595182427177 +
    r * (-1.8849797954337717 + r * 1.6214297201053545) +
    r * r * r * (-0.758397934778766 + r * 0.14599619288661245);
  bits.setFloat64(0, t);
  bits.setBigUint64(0, (bits.getBigUint64(0) + 0x80000000n) & 0xffffffffc0000000n);
  t = bits.getFloat64(0);
  // One step of Newton's method: 53 bits.
  const quotient = magnitude / (t * t);
  t += t * ((quotient - t) / (t + t + quotient));
  return x < 0 ? -t : t;
}

/** x^2: the last bit of `x ** 2` is the engine's choice, too. */
export function square(x: number): number {
  return x * x;
}

/** To reach the bits of a number. */
const bits = new DataView(new ArrayBuffer(8));

/** 2^k for k in [-1022, 1023]. */
function powerOfTwo(k: number): number {
  bits.setInt32(0, (1023 + k) << 20);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}
