/**
 * exp, log, cos and cbrt of float64 numbers to more digits than a float64 number has, in fixed point on BigInt: what the
 * functions of services/common/elementary.ts are measured against.
 */

/** Fractional bits of a fixed-point number. */
const BITS = 1200n;
const ONE = 1n << BITS;

/** The exact value of a finite float64 number above 2^-1100, in fixed point. */
export function exactly(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const word = view.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const fraction = word & 0xfffffffffffffn;
  const mantissa = exponent === 0n ? fraction : fraction | 0x10000000000000n;
  const shift = BITS - 1075n + (exponent === 0n ? 1n : exponent);
  const size = shift >= 0n ? mantissa << shift : mantissa >> -shift;
  return word >> 63n === 1n ? -size : size;
}

function times(a: bigint, b: bigint): bigint {
  return (a * b) >> BITS;
}

/** The sum of term(n), each from the one before, until they vanish. */
function series(first: bigint, next: (term: bigint, n: bigint) => bigint): bigint {
  let sum = 0n;
  for (let [term, n] = [first, 1n]; term !== 0n && term !== -1n; n++) {
    sum += term;
    term = next(term, n);
  }
  return sum;
}

/** e^x: the series of x / 2^32, squared 32 times. */
export function exactExp(x: number): bigint {
  let power = series(ONE, (term, n) => times(term, exactly(x) >> 32n) / n);
  for (let square = 0; square < 32; square++) power = times(power, power);
  return power;
}

/** The natural logarithm: 2 artanh((m - 1) / (m + 1)) + k ln 2 of x = 2^k m, 1 <= m < 2. */
export function exactLog(x: number): bigint {
  const value = exactly(x);
  const k = BigInt(value.toString(2).length - 1) - BITS;
  const mantissa = k >= 0n ? value >> k : value << -k;
  return logNear(mantissa) + k * logNear(2n * ONE);
}

function logNear(m: bigint): bigint {
  const s = ((m - ONE) << BITS) / (m + ONE);
  let sum = 0n;
  for (let [power, n] = [s, 1n]; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n;
    power = times(power, times(s, s));
  }
  return 2n * sum;
}

/** The cosine: the series of x / 2^32, doubled 32 times by cos 2x = 2 cos^2 x - 1. */
export function exactCos(x: number): bigint {
  const small = exactly(x) >> 32n;
  const square = times(small, small);
  let cosine = series(ONE, (term, n) => -times(term, square) / ((2n * n - 1n) * (2n * n)));
  for (let doubling = 0; doubling < 32; doubling++) cosine = 2n * times(cosine, cosine) - ONE;
  return cosine;
}

/** The cube root, by Newton's method on integers. */
export function exactCbrt(x: number): bigint {
  const cube = exactly(Math.abs(x)) << (2n * BITS);
  let root = 1n << (BigInt(cube.toString(2).length) / 3n + 1n);
  for (;;) {
    const next = (2n * root + cube / (root * root)) / 3n;
    if (next >= root) return x < 0 ? -root : root;
    root = next;
  }
}

/** How far a result is from the exact value, in units of the last place of the float64 numbers at the exact value. */
export function ulpsFrom(exact: bigint, result: number): number {
  const size = exact < 0n ? -exact : exact;
  const exponent = BigInt(Math.max(-1022, size.toString(2).length - 1 - Number(BITS)));
  const unit = BITS + exponent - 52n;
  // In thousandths.
  const distance = exactly(result) - exact;
  const scaled = unit >= 0n ? (1000n * distance) >> unit : (1000n * distance) << -unit;
  return Math.abs(Number(scaled)) / 1000;
}
