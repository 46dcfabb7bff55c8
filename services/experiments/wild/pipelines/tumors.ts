import { classification, regression, type WildPipeline } from "./wild-pipeline.ts";

export const tumors: WildPipeline = {
  name: "tumors",
  summary: "a cell nucleus's size and texture give its concave points, these whether the tumor is malignant",
  components: [
    regression("shape", ["radius", "texture", "smoothness", "compactness", "symmetry"], [], "concave_points"),
    classification("diagnosis", ["radius", "texture"], ["shape"], "diagnosis", ["benign", "malignant"]),
  ],
  audited: 100,
  steps: 300,
};
