import { gaussianQuantile, POWERS_OF_TWO } from "../../common/gaussian-quantile.ts";

/** Segments per octave of the tail probability, and coefficients per cubic. */
const SEGMENTS = 16;
const COEFFICIENTS = 4;
const CUBICS = cubics();

/**
 * Maps 32 random bits to a standard normal number. The top bit is the sign; the others, plus one, are x in [1, 2^31]. The
 * magnitude is the quantile at the tail probability (x - 1/2) / 2^32, approximated to 1e-7 by one cubic for each sixteenth
 * of an octave of x, without divisions and branches.
 */
export function gaussianFromBits(word: number): number {
  const x = (word & 0x7fffffff) + 1;
  const octave = Math.clz32(x);
  const normalized = x << octave;
  const at = (octave * SEGMENTS + ((normalized >>> 27) & 15)) * COEFFICIENTS;
  const t = (normalized & 0x07ffffff) * 7.450580596923828e-9; // 2^-27
  const magnitude =
    (((CUBICS[at + 3] as number) * t + (CUBICS[at + 2] as number)) * t + (CUBICS[at + 1] as number)) * t +
    (CUBICS[at] as number);
  return magnitude * (1 + 2 * (word >> 31));
}

/** For each segment of each octave, the cubic through the quantiles at its ends and thirds. */
function cubics(): Float64Array {
  const octaves = 32;
  const table = new Float64Array(octaves * SEGMENTS * COEFFICIENTS);
  for (let octave = 0; octave < octaves; octave += 1) {
    for (let segment = 0; segment < SEGMENTS; segment += 1) {
      const value = (third: number) => {
        const x = (POWERS_OF_TWO[31 - octave] as number) * (1 + (segment + third / 3) / SEGMENTS);
        return -gaussianQuantile((x - 0.5) / 4294967296);
      };
      const v0 = value(0);
      const v1 = value(1);
      const v2 = value(2);
      const v3 = value(3);
      const at = (octave * SEGMENTS + segment) * COEFFICIENTS;
      table[at] = v0;
      table[at + 1] = (-11 * v0 + 18 * v1 - 9 * v2 + 2 * v3) / 2;
      table[at + 2] = (9 * (2 * v0 - 5 * v1 + 4 * v2 - v3)) / 2;
      table[at + 3] = (9 * (-v0 + 3 * v1 - 3 * v2 + v3)) / 2;
    }
  }
  return table;
}
