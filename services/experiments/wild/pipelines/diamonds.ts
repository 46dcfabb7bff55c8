import { regression, type WildPipeline } from "./wild-pipeline.ts";

export const diamonds: WildPipeline = {
  name: "diamonds",
  summary: "the dimensions of a diamond give its carats, carats and quality its price",
  components: [
    regression("weight", ["length", "width", "height"], [], "carat"),
    regression("price", ["cut", "color", "clarity"], ["weight"], "log_price"),
  ],
  audited: 300,
  steps: 1000,
};
