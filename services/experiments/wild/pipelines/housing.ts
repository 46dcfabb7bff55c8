import { regression, type WildPipeline } from "./wild-pipeline.ts";

export const housing: WildPipeline = {
  name: "housing",
  summary: "sales and listings of a city give the months of inventory, inventory the price of homes",
  components: [
    regression("supply", ["sales", "listings", "year"], [], "inventory"),
    regression("price", ["city", "year"], ["supply"], "log_price"),
  ],
  audited: 300,
  steps: 1000,
};
