import { classification, regression, type WildPipeline } from "./wild-pipeline.ts";

export const weather: WildPipeline = {
  name: "weather",
  summary: "season and wind give the low of a day, the low its high, both its sky",
  components: [
    regression("low", ["city", "season_sin", "season_cos", "wind"], [], "temp_min"),
    regression("high", ["city", "season_sin", "season_cos", "precipitation"], ["low"], "temp_max"),
    classification("sky", ["city", "wind"], ["low", "high"], "sky", ["drizzle", "fog", "rain", "snow", "sun"]),
  ],
  audited: 300,
  steps: 1000,
};
