import { regression, type WildPipeline } from "./wild-pipeline.ts";

export const cars: WildPipeline = {
  name: "cars",
  summary: "a car's engine and weight give its horsepower, horsepower its miles per gallon",
  components: [
    regression("power", ["cylinders", "displacement", "weight", "acceleration"], [], "horsepower"),
    regression("economy", ["weight", "year", "origin"], ["power"], "mpg"),
  ],
  audited: 80,
  steps: 400,
};
