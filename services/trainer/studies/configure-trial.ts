import { join } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { protocolCatalog, requiringUpstream } from "../../learning/protocols/all.ts";
import type { Problem } from "../../pipeline/files/problem.ts";
import { isSearchable } from "../../pipeline/files/search-spec.ts";
import { checkTeamAgainstPipeline, parseConfiguredTeam } from "../../pipeline/files/team-file.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { SearchParameters } from "../../pipeline/search.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import { checkModule } from "../runs/run-request.ts";

/**
 * The team file of a study with the keys of a trial set.
 * @throws UncoupleError `invalid-argument` with every problem, one per line
 */
export type ConfigureTrial = (teamFile: string, parameters: SearchParameters) => TeamConfig;

/** @param own the trainer's team @param folder module paths are relative to it */
export function createConfigureTrial(own: TeamConfig, pipeline: Pipeline, folder: string): ConfigureTrial {
  return (teamFile, parameters) => {
    const unknown = Object.keys(parameters).find((key) => !isSearchable(key));
    if (unknown !== undefined) {
      throw new UncoupleError("invalid-argument", `parameters: ${unknown} is not a key that a search can set`);
    }
    const parsed = parseConfiguredTeam(teamFile, join(folder, "team file"), parameters, protocolCatalog);
    const problems =
      "problems" in parsed ? parsed.problems : checkTeamAgainstPipeline(parsed, pipeline, requiringUpstream);
    if ("problems" in parsed || problems.length > 0) {
      throw new UncoupleError("invalid-argument", problems.map(describe).join("\n"));
    }
    checkModule(parsed.team.model, own, folder);
    return parsed.team;
  };
}

const describe = ({ path, message }: Problem) => (path === "" ? message : `${path}: ${message}`);
