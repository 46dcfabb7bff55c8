import { createRandom, type Random } from "../../services/data/random/random.ts";
import type { Grouping } from "../../services/verdicts/paired/sample.ts";

/** Row differences with mean 0, and the groups that their rows share. */
export interface LossRows {
  readonly differences: Float64Array;
  readonly groupings: readonly Grouping[];
}

/** A kind of rows that verdicts have to do with. */
export interface RowKind {
  readonly name: string;
  /** Whether rows are independent. */
  readonly independent: boolean;
  /** Draws `rows` rows whose differences have mean 0. */
  draw(rows: number, random: Random): LossRows;
}

/** Rows of a group, so that 200, 1,000 and 10,000 rows are 50, 100 and 500 groups. */
function groupSize(rows: number): number {
  return rows <= 200 ? 4 : rows <= 1000 ? 10 : 20;
}

function independent(name: string, value: (random: Random) => number): RowKind {
  return {
    name,
    independent: true,
    draw: (rows, random) => ({ differences: Float64Array.from({ length: rows }, () => value(random)), groupings: [] }),
  };
}

/** @param share of the variance that rows of a group have in common: the intraclass correlation */
function grouped(name: string, share: number): RowKind {
  return {
    name,
    independent: false,
    draw(rows, random) {
      const count = rows / groupSize(rows);
      const effects = Float64Array.from({ length: count }, () => random.gaussian());
      const codes = Int32Array.from({ length: rows }, (_, row) => row % count);
      const differences = Float64Array.from(
        codes,
        (group) => Math.sqrt(share) * (effects[group] as number) + Math.sqrt(1 - share) * random.gaussian(),
      );
      return { differences, groupings: [{ codes, count }] };
    },
  };
}

/** Groups whose sizes fall off as those of users do: the k-th has a share of about 1 / (k + 5), and its own effect. */
const unequal: RowKind = {
  name: "groups of unequal size",
  independent: false,
  draw(rows, random) {
    const count = rows / groupSize(rows);
    const bounds: number[] = [];
    let total = 0;
    for (let k = 0; k < count; k++) {
      total += 1 / (k + 5);
      bounds.push(total);
    }
    const effects = Float64Array.from({ length: count }, () => random.gaussian());
    const codes = Int32Array.from({ length: rows }, () => {
      const place = random.uniform() * total;
      let [low, high] = [0, count - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((bounds[middle] as number) < place) low = middle + 1;
        else high = middle;
      }
      return low;
    });
    const differences = Float64Array.from(codes, (group) => (effects[group] as number) + random.gaussian());
    return { differences, groupings: [{ codes, count }] };
  },
};

/** Every row has a user and an item drawn at random; both have effects. */
function crossed(name: string, effect: number): RowKind {
  return {
    name,
    independent: false,
    draw(rows, random) {
      const users = rows / groupSize(rows);
      const items = rows <= 200 ? 40 : rows <= 1000 ? 60 : 100;
      const ofUser = Float64Array.from({ length: users }, () => effect * random.gaussian());
      const ofItem = Float64Array.from({ length: items }, () => effect * random.gaussian());
      const user = Int32Array.from({ length: rows }, () => random.below(users));
      const item = Int32Array.from({ length: rows }, () => random.below(items));
      const differences = Float64Array.from(
        user,
        (one, row) => (ofUser[one] as number) + (ofItem[item[row] as number] as number) + random.gaussian(),
      );
      return {
        differences,
        groupings: [
          { codes: user, count: users },
          { codes: item, count: items },
        ],
      };
    },
  };
}

const logNormal = (random: Random, sigma: number) =>
  Math.exp(sigma * random.gaussian()) - Math.exp((sigma * sigma) / 2);

/** All kinds of rows that calibration covers. */
export const ROW_KINDS: readonly RowKind[] = [
  independent("independent, normal", (random) => random.gaussian()),
  independent("squared errors", (random) => {
    const noise = random.gaussian();
    return (noise + 0.3 * random.gaussian()) ** 2 - (noise + 0.3 * random.gaussian()) ** 2;
  }),
  grouped("groups, ICC 0.1", 0.1),
  grouped("groups that dominate", 0.9),
  unequal,
  crossed("crossed, effects as large as the noise", 1),
  crossed("crossed, no effects", 0),
  independent("skewed: exponential", (random) => -Math.log(1 - random.uniform()) - 1),
  independent("skewed: log-normal, sigma 1", (random) => logNormal(random, 1)),
  independent("heavy tail: log-normal, sigma 1.5", (random) => logNormal(random, 1.5)),
  independent("heavy tail: Student t, 3 degrees", (random) => {
    const chi = random.gaussian() ** 2 + random.gaussian() ** 2 + random.gaussian() ** 2;
    return random.gaussian() / Math.sqrt(chi / 3);
  }),
  // 2 % of rows are much worse, all others a little better.
  independent("rare harm: 2 % of rows 50 times worse", (random) =>
    random.uniform() < 0.02 ? 49 * (1 + 0.2 * random.gaussian()) : -1 + 0.2 * random.gaussian(),
  ),
];

export function drawRows(kind: RowKind, rows: number, seed: number): LossRows {
  return kind.draw(rows, createRandom(seed, `${kind.name}/${rows}`));
}

/** @param name of a kind of rows */
export function rowKind(name: string): RowKind {
  const kind = ROW_KINDS.find((one) => one.name === name);
  if (kind === undefined) throw new Error(`unknown kind of rows: ${name}`);
  return kind;
}
