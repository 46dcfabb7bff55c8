import { regression, type WildPipeline } from "./wild-pipeline.ts";

export const penguins: WildPipeline = {
  name: "penguins",
  summary: "species, sex and beak give the length of a flipper, the flipper the body mass",
  components: [
    regression("flipper", ["species", "sex", "beak_length", "beak_depth"], [], "flipper"),
    regression("mass", ["species", "sex"], ["flipper"], "mass"),
  ],
  audited: 80,
  steps: 400,
};
