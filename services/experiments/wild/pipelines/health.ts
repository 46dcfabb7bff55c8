import { regression, type WildPipeline } from "./wild-pipeline.ts";

export const health: WildPipeline = {
  name: "health",
  summary: "rated health and insurance give the number of chronic diseases, diseases the visits to a physician",
  components: [
    regression("diseases", ["rating", "limited", "deductible", "incentive"], [], "diseases"),
    regression("visits", ["coinsurance", "limit", "limited"], ["diseases"], "log_visits"),
  ],
  audited: 300,
  steps: 1500,
};
