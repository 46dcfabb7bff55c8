import type { Random } from "../../services/data/random/random.ts";

/** Changes a few bytes, as a fuzzer does: flips bits, overwrites, inserts, removes and repeats runs, and cuts off the end. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let mutant = Buffer.from(bytes);
  for (let change = random.below(4); change >= 0; change--) {
    if (mutant.length === 0) return mutant;
    const at = random.below(mutant.length);
    const run = 1 + random.below(8);
    switch (random.below(7)) {
      case 0:
        mutant[at] = (mutant[at] as number) ^ (1 << random.below(8));
        break;
      case 1:
        mutant[at] = random.below(256);
        break;
      case 2:
        // Numbers at the edges of their encodings.
        mutant[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)] as number;
        break;
      case 3:
        mutant = Buffer.concat([mutant.subarray(0, at), Buffer.alloc(run, random.below(256)), mutant.subarray(at)]);
        break;
      case 4:
        mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + run)]);
        break;
      case 5:
        mutant = Buffer.concat([mutant.subarray(0, at + run), mutant.subarray(at)]);
        break;
      default:
        if (random.below(8) === 0) mutant = mutant.subarray(0, at);
    }
  }
  return new Uint8Array(mutant);
}
