/**
 * The inverse of the standard normal distribution function, by the rational approximations of Wichura (1988), algorithm
 * AS 241, PPND16 (relative error about 1e-16). The tails use a logarithm of their own: `Math.log` may differ
 * in its last bit between JavaScript engines, and so does the `log` of common/elementary.ts from this one, on which the
 * numbers of stored runs depend.
 */

/** @param p a probability in [2^-33, 1 - 2^-33] @returns the value below which a standard normal variable falls with probability p */
export function gaussianQuantile(p: number): number {
  const q = p - 0.5;
  if (q <= 0.425 && q >= -0.425) {
    const r = 0.180625 - q * q;
    return (
      (q *
        (((((((2509.0809287301227 * r + 33430.57558358813) * r + 67265.7709270087) * r + 45921.95393154987) * r +
          13731.69376550946) *
          r +
          1971.5909503065513) *
          r +
          133.14166789178438) *
          r +
          3.3871328727963665)) /
      (((((((5226.495278852546 * r + 28729.085735721943) * r + 39307.89580009271) * r + 21213.794301586597) * r +
        5394.196021424751) *
        r +
        687.1870074920579) *
        r +
        42.31333070160091) *
        r +
        1)
    );
  }
  const r = Math.sqrt(LOG_2_32 - logarithm((q < 0 ? p : 1 - p) * 4294967296));
  const magnitude = r <= 5 ? nearTail(r - 1.6) : farTail(r - 5);
  return q < 0 ? -magnitude : magnitude;
}

const LOG_2_32 = 22.18070977791825;

function nearTail(r: number): number {
  return (
    (((((((0.0007745450142783414 * r + 0.022723844989269184) * r + 0.2417807251774506) * r + 1.2704582524523684) * r +
      3.6478483247632045) *
      r +
      5.769497221460691) *
      r +
      4.630337846156546) *
      r +
      1.4234371107496835) /
    (((((((1.0507500716444169e-9 * r + 0.0005475938084995345) * r + 0.015198666563616457) * r + 0.14810397642748008) *
      r +
      0.6897673349851) *
      r +
      1.6763848301838038) *
      r +
      2.053191626637759) *
      r +
      1)
  );
}

function farTail(r: number): number {
  return (
    (((((((2.0103343992922881e-7 * r + 2.7115555687434876e-5) * r + 0.0012426609473880784) * r + 0.026532189526576124) *
      r +
      0.29656057182850487) *
      r +
      1.7848265399172913) *
      r +
      5.463784911164114) *
      r +
      6.657904643501103) /
    (((((((2.0442631033899397e-15 * r + 1.421511758316446e-7) * r + 1.8463183175100548e-5) * r +
      0.0007868691311456133) *
      r +
      0.014875361290850615) *
      r +
      0.1369298809227358) *
      r +
      0.599832206555888) *
      r +
      1)
  );
}

/** Natural logarithm of x in [1/2, 2^32), relative error about 1e-15: x = m 2^e, ln m = 2 artanh((m - 1) / (m + 1)). */
function logarithm(x: number): number {
  // clz32 truncates its argument, as required for the exponent of a number of at least 1.
  const exponent = x < 1 ? 0 : 32 - Math.clz32(x);
  let mantissa = x / (POWERS_OF_TWO[exponent] as number);
  let e = exponent;
  if (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    e -= 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const t = s * s;
  // The series in t up to t^9. Since |s| < 0.172, the truncation error is below 1e-16.
  const series =
    ((((((((t / 19 + 1 / 17) * t + 1 / 15) * t + 1 / 13) * t + 1 / 11) * t + 1 / 9) * t + 1 / 7) * t + 1 / 5) * t +
      1 / 3) *
      t +
    1;
  return 2 * s * series + e * Math.LN2;
}

/** 2^0 to 2^32. Shifts are exact; an engine's `**` need not be. */
export const POWERS_OF_TWO = Float64Array.from({ length: 33 }, (_, e) => (e < 32 ? (1 << e) >>> 0 : 4294967296));
