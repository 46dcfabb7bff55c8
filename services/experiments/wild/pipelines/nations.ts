import { regression, type WildPipeline } from "./wild-pipeline.ts";

export const nations: WildPipeline = {
  name: "nations",
  summary: "region, year and population give a nation's fertility, fertility its life expectancy",
  components: [
    regression("fertility", ["region", "year", "log_population"], [], "fertility"),
    regression("life", ["region", "year"], ["fertility"], "life_expectancy"),
  ],
  audited: 150,
  steps: 600,
};
