import { classification, regression, type WildPipeline } from "./wild-pipeline.ts";

export const votes: WildPipeline = {
  name: "votes",
  summary: "where voters place themselves and the candidates gives their party, the party their vote",
  components: [
    regression(
      "party",
      ["self_left_right", "clinton_left_right", "dole_left_right", "education", "income"],
      [],
      "party",
    ),
    classification("vote", ["self_left_right", "age"], ["party"], "vote", ["clinton", "dole"]),
  ],
  audited: 200,
  steps: 400,
};
