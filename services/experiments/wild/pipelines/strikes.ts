import { classification, regression, type WildPipeline } from "./wild-pipeline.ts";

export const strikes: WildPipeline = {
  name: "strikes",
  summary: "aircraft and phase of flight give the speed at which it hits a bird, the speed whether that does damage",
  components: [
    regression("speed", ["aircraft", "phase", "time_of_day"], [], "speed"),
    classification("damage", ["phase", "wildlife"], ["speed"], "damage", ["no", "yes"]),
  ],
  audited: 300,
  steps: 1000,
};
