import { expect, test } from "vitest";
import { protocolCatalog, requiringUpstream } from "../../../../services/learning/protocols/all.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { checkTeamAgainstPipeline, parseTeamFile } from "../../../../services/pipeline/files/team-file.ts";
import { pipelineFileText, teamFileText } from "../../../../services/simulator/live/live-files.ts";
import { livePolicy } from "../../../../services/simulator/live/live-policy.ts";
import { notReplayed } from "../../../../services/simulator/live/not-replayed.ts";
import { scenarioPipeline } from "../../../../services/simulator/scenario/scenario-pipeline.ts";
import { stagesOf } from "../../../../services/simulator/scenario/stages.ts";
import { smallScenario } from "../../../helpers/scenarios.ts";

test.each(["sync", "async-rejecting", "causal", "causal-proximal", "blend:0.5", "mixed:0.2"])(
  "%s is refused in one line that lists the others",
  (name) => {
    expect(() => livePolicy(name, smallScenario({}).gate)).toThrow(
      /^--live cannot drive the policy [^\n]*; available: async, gated, gated-sets, gated-cotrain, gated-audited, proximal, causal-audit:N$/,
    );
  },
);

test.each(["async", "proximal", "causal-audit:40", "gated", "gated-sets", "gated-cotrain", "gated-audited"])(
  "%s is written as files that the services read as the same pipeline and trainings",
  (name) => {
    const scenario = smallScenario({ teams: 3, edges: "chain" });
    const policy = livePolicy(name, scenario.gate);
    const pipeline = scenarioPipeline(scenario, stagesOf(scenario)[0], 1);
    const parsed = parsePipelineFile(pipelineFileText(pipeline, scenario, policy, "rows.parquet"), "pipeline.yaml");
    if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
    const { components, objective, gate, audit } = parsed.pipeline;
    expect({ components, objective }).toEqual({ components: pipeline.components, objective: pipeline.objective });
    expect(gate).toEqual(policy.gate);
    expect(audit?.rows).toBe(policy.audited);

    const training = { team: "m2", hidden: [4, 2], steps: 60, seed: 4_000_000_000 };
    const { protocol } = policy.training(true);
    const team = parseTeamFile(teamFileText(training, policy, protocol), "m2.yaml", protocolCatalog);
    if ("problems" in team) throw new Error(JSON.stringify(team.problems));
    expect(team.team).toMatchObject({
      component: "m2",
      model: { kind: "dense", hidden: [4, 2] },
      steps: 60,
      seed: 4_000_000_000,
      protocol,
    });
    expect(team.team.cotrain ?? false).toBe(name === "gated-cotrain");
    expect(checkTeamAgainstPipeline(team, parsed.pipeline, requiringUpstream)).toEqual([]);
  },
);

test("says which keys of a scenario are not replayed", () => {
  expect(notReplayed(smallScenario({}))).toEqual([]);
  const changing = smallScenario({ drift: { inputs: 0.1, truth: 0.2 }, training: { growth: 5, staleness: 1 } });
  expect(notReplayed(changing)).toEqual(["drift.inputs", "drift.truth", "training.growth", "training.staleness"]);
});
