import { createRandom } from "../../../services/data/random/random.ts";
import { DEFAULT_GATE, type GatePolicy } from "../../../services/pipeline/gate.ts";
import { component, pipelineOf } from "../linear-pipelines.ts";
import { plantedRows } from "../planted-rows.ts";
import { runUpdates, type UpdatesRun } from "./run-updates.ts";

/** A pipeline of one component, whose losses are planted. */
const single = pipelineOf([component({ name: "m", columns: ["x"] })], "m");

export const ENFORCE: GatePolicy = { ...DEFAULT_GATE, mode: "enforce" };
export const NON_INFERIOR: GatePolicy = { ...ENFORCE, require: "non-inferior" };

/** Row losses, or their differences, of two parts of the held-out rows, [rows] each. */
export interface Parts {
  readonly screen: Float64Array;
  readonly confirm: Float64Array;
}

export function mapParts({ screen, confirm }: Parts, map: (values: Float64Array) => Float64Array): Parts {
  return { screen: map(screen), confirm: map(confirm) };
}

/**
 * Sends updates through the gate whose row losses are made of those of the release when they arrive.
 *
 * @param update the losses of the k-th update, 0-based
 * @param recent how many of the last releases count for drift
 */
export function runPlanted(
  gate: GatePolicy,
  first: Parts,
  updates: number,
  update: (k: number, release: Parts) => Parts,
  recent?: number,
): Promise<UpdatesRun> {
  const known = new Map<number, Parts>([[1, first]]);
  const partsOf = (serial: number | undefined) => known.get(serial as number) as Parts;
  const rowsOf = (part: "screen" | "confirm") => plantedRows({ part, rowLosses: (_, { m }) => partsOf(m)[part] });
  return runUpdates({
    pipeline: single,
    gate,
    screen: rowsOf("screen"),
    confirm: rowsOf("confirm"),
    start: { m: 1 },
    updates,
    update(k, release) {
      known.set(k + 2, update(k, partsOf(release.m)));
      return { m: k + 2 };
    },
    ...(recent !== undefined && { recent }),
  });
}

/** Flips the sign of each difference with a probability of one half. */
export function flipped(differences: Float64Array, seed: number, stream: string): Float64Array {
  const random = createRandom(seed, stream);
  let bits = 0;
  return differences.map((difference, row) => {
    if (row % 32 === 0) bits = random.uint32();
    return (bits >>> (row % 32)) & 1 ? difference : -difference;
  });
}

/** How many updates of a pipeline that are exactly neutral a gate promotes: the signs of their differences are random. */
export async function neutralPromotions(
  gate: GatePolicy,
  first: Parts,
  updates: readonly Parts[],
  seed: number,
): Promise<UpdatesRun> {
  return runPlanted(gate, first, updates.length, (k, release) => {
    const differences = updates[k] as Parts;
    const added = (part: "screen" | "confirm") => {
      const signed = flipped(differences[part], seed, `${part}/${k}`);
      const losses = release[part];
      for (let row = 0; row < losses.length; row++) signed[row] = (signed[row] as number) + (losses[row] as number);
      return signed;
    };
    return { screen: added("screen"), confirm: added("confirm") };
  });
}

/** Updates that are each worse by the same fraction, but for noise; under `non-inferior`. */
export function creepingUpdates(
  first: Parts,
  { step, count, noise, recent }: { step: number; count: number; noise: Parts; recent?: number },
): Promise<UpdatesRun> {
  return runPlanted(
    NON_INFERIOR,
    first,
    count,
    (k, release) => {
      const worse = (part: "screen" | "confirm") => {
        const signed = flipped(noise[part], k, part);
        return release[part].map((loss, row) => loss * (1 + step) + (signed[row] as number));
      };
      return { screen: worse("screen"), confirm: worse("confirm") };
    },
    recent,
  );
}
