import { createRandom } from "../../services/data/random/random.ts";
import { closureOf } from "../../services/pipeline/dag.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import type { Composition } from "../../services/pipeline/verdict.ts";
import type { GateRows } from "../../services/releases/gate-rows.ts";
import type { Grouping } from "../../services/verdicts/paired/sample.ts";
import { component, pipelineOf } from "./linear-pipelines.ts";

/** For each component, the numbers of those that it reads. */
export const SHAPES = {
  chain: [[], [0], [1], [2], [3], [4]],
  diamonds: [[], [0], [0], [1, 2], [3], [3, 4]],
  layered: [[], [], [0, 1], [0, 1], [2, 3], [2, 3]],
  "five parents": [[], [], [], [], [], [0, 1, 2, 3, 4]],
} as const satisfies Readonly<Record<string, readonly (readonly number[])[]>>;

/** A pipeline of components c0, c1, ...; those that nobody reads are its objectives. */
export function shapedPipeline(reads: readonly (readonly number[])[]): Pipeline {
  const components = reads.map((upstream, index) =>
    component({ name: `c${index}`, upstream: upstream.map((other) => `c${other}`) }),
  );
  const ends = components.filter((_, index) => reads.every((upstream) => !upstream.includes(index)));
  return pipelineOf(
    components,
    ends.length === 1
      ? (ends[0] as { name: string }).name
      : Object.fromEntries(ends.map(({ name }, index) => [name, 1 / (1 + index)])),
  );
}

/** Snapshots whose losses are known: a number for each snapshot with what it reads. */
export interface PlantedWorld {
  readonly pipeline: Pipeline;
  readonly release: Composition;
  serials(component: string): readonly number[];
  trainedOn(component: string, serial: number): Composition;
  /** What a component adds to the loss, given its snapshot and those that it reads. */
  term(component: string, composition: Composition): number;
}

/**
 * Teams train at random times, each on the newest upstream snapshots or, three times in ten, on others. A newer snapshot is
 * better by itself, and worse with an upstream snapshot that it was not trained on, by an amount of its own.
 */
export function plantWorld(pipeline: Pipeline, snapshots: number, seed: number): PlantedWorld {
  const random = createRandom(seed, "world");
  const names = pipeline.components.map(({ name }) => name);
  const trained = new Map<string, Composition[]>(names.map((name) => [name, []]));
  const quality = new Map<string, number[]>(names.map((name) => [name, []]));
  function train(name: string): void {
    const upstream = closureOf(pipeline, name).slice(0, -1);
    const of = trained.get(name) as Composition[];
    of.push(
      Object.fromEntries(
        upstream.map((other) => {
          const count = trained.get(other)?.length as number;
          return [other, random.uniform() < 0.7 ? count : 1 + random.below(count)];
        }),
      ),
    );
    quality.get(name)?.push(0.85 ** of.length * (1 + 0.2 * random.gaussian()));
  }
  for (const name of names) train(name);
  for (let waiting = names; waiting.length > 0; ) {
    train(waiting[random.below(waiting.length)] as string);
    waiting = names.filter((name) => (trained.get(name)?.length as number) < snapshots);
  }
  /** Of a snapshot and one that it reads; drawn by their names, whatever else was asked for. */
  const coupling = (...ids: readonly (string | number)[]) => Math.abs(createRandom(seed, ids.join(" ")).gaussian());
  function termOf(name: string, serial: number, read: readonly (readonly [name: string, serial: number])[]): number {
    const on = trained.get(name)?.[serial - 1] as Composition;
    let term = quality.get(name)?.[serial - 1] as number;
    for (const [other, its] of read) if (on[other] !== its) term += coupling(name, serial, other, its);
    // What no pair explains.
    return term + 0.05 * coupling(name, serial, ...read.flat());
  }
  const terms = new Map(
    pipeline.components.map(({ name, upstream }) => [
      name,
      { upstream, known: new Float64Array(snapshots ** (1 + upstream.length)).fill(Number.NaN) },
    ]),
  );
  return {
    pipeline,
    release: Object.fromEntries(names.map((name) => [name, 1])),
    serials: (name) => (trained.get(name) ?? []).map((_, index) => index + 1),
    trainedOn: (name, serial) => trained.get(name)?.[serial - 1] ?? {},
    term(name, composition) {
      const { upstream, known } = terms.get(name) as { upstream: readonly string[]; known: Float64Array };
      const serial = composition[name] as number;
      let place = serial - 1;
      for (const other of upstream) place = place * snapshots + (composition[other] as number) - 1;
      if (Number.isNaN(known[place])) {
        known[place] = termOf(
          name,
          serial,
          upstream.map((other) => [other, composition[other] as number]),
        );
      }
      return known[place] as number;
    },
  };
}

/** The losses of a component on every row under a composition. */
export type RowLosses = (component: string, composition: Composition) => Float64Array;

/** A world's losses: the terms of the component and of everything upstream, on each of a few rows. */
export function lossesOf({ pipeline, term }: PlantedWorld): RowLosses {
  const closures = new Map(pipeline.components.map(({ name }) => [name, closureOf(pipeline, name)]));
  return (name, composition) =>
    new Float64Array(4).fill(closures.get(name)?.reduce((sum, other) => sum + term(other, composition), 0) ?? 0);
}

/** Screen rows with given losses, and what was asked of them. */
export function screenOf(rowLosses: RowLosses, groupings: readonly Grouping[] = []) {
  const asked: { readonly component: string; readonly composition: Composition }[] = [];
  const prepared: Composition[] = [];
  const screen: GateRows = {
    part: "screen",
    structure: { groupings, slices: [] },
    audited: undefined,
    losses: {
      check: async () => {},
      prepare: (_, compositions) => void prepared.push(...compositions),
      output: async () => new Float32Array(),
      rowErrors: async () => undefined,
      async rowLosses(component, composition) {
        asked.push({ component, composition });
        return rowLosses(component, composition);
      },
    },
  };
  return { screen, asked, prepared };
}
