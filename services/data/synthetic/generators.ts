import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import { clicksModel } from "./clicks.ts";
import { figure1Model } from "./figure1.ts";
import { CHAIN, DIAMOND, drawNetworks, twoStage } from "./networks.ts";
import { policyModel } from "./policy.ts";
import { cubeModel, nearFarModel, wideModel } from "./self-defeating.ts";
import type { StructuralModel } from "./structural-model.ts";

interface Generator {
  /** Parameters with their defaults. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly build: (seed: number, parameters: Readonly<Record<string, number>>) => StructuralModel;
}

const GENERATORS: Readonly<Record<string, Generator>> = {
  "two-stage": { parameters: { levels: 0 }, build: (seed, { levels = 0 }) => drawNetworks(twoStage(levels), seed) },
  figure1: { parameters: { a: 2, b: 1 }, build: (_seed, { a = 2, b = 1 }) => figure1Model(a, b) },
  "near-far": { parameters: {}, build: () => nearFarModel() },
  cube: { parameters: {}, build: () => cubeModel() },
  wide: { parameters: {}, build: () => wideModel() },
  clicks: {
    parameters: { propensity: 0 },
    build: (_seed, { propensity = 0 }) => clicksModel(propensity === 0 ? "click" : "propensity"),
  },
  policy: { parameters: {}, build: (seed) => policyModel(seed) },
  chain: { parameters: {}, build: (seed) => drawNetworks(CHAIN, seed) },
  diamond: { parameters: {}, build: (seed) => drawNetworks(DIAMOND, seed) },
};

/** Builds a generator's model. @throws UncoupleError `invalid-argument` for an unknown generator or parameter */
export function buildGenerator(
  name: string,
  seed: number,
  parameters: Readonly<Record<string, number>> = {},
): StructuralModel {
  const names = Object.keys(GENERATORS);
  const generator = Object.hasOwn(GENERATORS, name) ? GENERATORS[name] : undefined;
  if (generator === undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `data.generator: unknown generator "${name}"; available: ${names.join(", ")}${didYouMean(name, names)}`,
    );
  }
  for (const parameter of Object.keys(parameters)) {
    if (Object.hasOwn(generator.parameters, parameter)) continue;
    const known = Object.keys(generator.parameters);
    throw new UncoupleError(
      "invalid-argument",
      `data.parameters: generator "${name}" has no parameter "${parameter}"; available: ${known.join(", ") || "none"}`,
    );
  }
  return generator.build(seed, { ...generator.parameters, ...parameters });
}
