import { join, resolve } from "node:path";
import { asUncoupleError, UncoupleError } from "../../../services/common/errors.ts";
import { mean } from "../../../services/common/statistics.ts";
import { openFileSource } from "../../../services/data/file/file-source.ts";
import type { Table } from "../../../services/data/table/table.ts";
import { rowLosses, targetOf } from "../../../services/data/targets/losses.ts";
import { targetColumn } from "../../../services/data/targets/target-column.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import { classification, regression } from "../../../services/experiments/wild/pipelines/wild-pipeline.ts";
import { trainComponent } from "../../../services/learning/component/train-component.ts";
import { loadSnapshotModel } from "../../../services/learning/snapshot/load-snapshot-model.ts";
import { snapshotContract } from "../../../services/learning/snapshot/snapshot-contract.ts";
import { formatProblem } from "../../../services/pipeline/files/problem.ts";
import { parseConfiguredTeam, parseTeamFile } from "../../../services/pipeline/files/team-file.ts";
import type { Component, Pipeline } from "../../../services/pipeline/pipeline.ts";
import type { SearchParameters, SearchSpec } from "../../../services/pipeline/search.ts";
import type { TeamConfig } from "../../../services/pipeline/team.ts";
import { visibleColumns } from "../../../services/pipeline/visible-columns.ts";

/** Components that predict a column of a public table, `benchmark/data/NAME.csv`, from other columns. */
export const PROBLEMS: Readonly<Record<string, Component>> = {
  diamonds: regression("price", ["carat", "cut", "color", "clarity"], [], "log_price"),
  housing: regression("price", ["city", "year", "inventory"], [], "log_price"),
  strikes: classification("damage", ["phase", "wildlife", "speed"], [], "damage", ["no", "yes"]),
};

export const STEPS = 300;
const TEST_FRACTION = 0.3;
const SPACE = `parameters:
    optimizer.learning_rate: { low: 0.0001, high: 0.3, log: true }
    model.hidden: { choices: [[8], [32], [64], [32, 32]] }
    batch: { choices: [16, 32, 64, 128] }
    optimizer.name: { choices: [adam, momentum] }
    optimizer.momentum: { low: 0.5, high: 0.99, when: { optimizer.name: momentum } }`;

/** Losses of a model: on the rows that searches measure on, and on rows that no search sees. */
export interface Losses {
  readonly validation: number;
  readonly test: number;
}

/** A table, divided by a seed, and the training of one component on it. */
export interface Problem {
  readonly name: string;
  search(settings: string): SearchSpec;
  /**
   * Trains with the parameters of a trial.
   * @param at steps at which `goesOn` is asked, with the loss on the validation rows
   * @returns null if the training diverged; otherwise its losses, and the steps done
   */
  train(
    parameters: SearchParameters,
    at: readonly number[],
    goesOn: (step: number, validation: number) => boolean,
  ): Promise<(Losses & { readonly steps: number }) | null>;
}

/** @param seed divides the rows, and is that of the trainings */
export async function openProblem(name: string, seed: number, engine: Engine): Promise<Problem> {
  const component = PROBLEMS[name] as Component;
  const source = await openFileSource(
    {
      source: "file",
      path: `${name}.csv`,
      query: `SELECT *, '${seed}/' || "row" AS division FROM source`,
      key: "division",
      testFraction: TEST_FRACTION,
      maxBadFraction: 0,
    },
    resolve(import.meta.dirname, "../../../benchmark/data"),
  );
  const columns = [...component.columns, component.target];
  const pipeline: Pipeline = {
    name,
    components: [component],
    objective: component.name,
    data: {
      source: "file",
      path: join("benchmark/data", `${name}.csv`),
      testFraction: TEST_FRACTION,
      maxBadFraction: 0,
    },
  };
  const teamFile = (settings: string) =>
    `component: ${component.name}\nmodel: { hidden: [32] }\nsteps: ${STEPS}\nseed: ${seed}\nsearch:\n  seed: ${seed}\n  ${SPACE}\n  ${settings}\n`;
  function searchOf(settings: string): SearchSpec {
    const parsed = parseTeamFile(teamFile(settings), "team.yaml");
    if ("problems" in parsed) throw new UncoupleError("internal", parsed.problems.map(formatProblem).join("\n"));
    return parsed.search as SearchSpec;
  }
  function teamOf(parameters: SearchParameters): TeamConfig {
    const parsed = parseConfiguredTeam(teamFile("pruning: none"), "team.yaml", parameters);
    if ("problems" in parsed) throw new UncoupleError("internal", parsed.problems.map(formatProblem).join("\n"));
    return parsed.team;
  }

  const visible = visibleColumns(pipeline, component.name);
  const share = searchOf("pruning: none").validation;
  const rows = async (side: "fit" | "validation") =>
    (await source.trainingRows(visible, { part: { side, share } })).table;
  const [fit, validation] = [await rows("fit"), await rows("validation")];
  const test = (await source.heldOutRows(columns)).table;
  const contract = snapshotContract(pipeline, component, await source.schema());
  await source.close();

  async function loss(bytes: Uint8Array, table: Table): Promise<number> {
    const model = await loadSnapshotModel(bytes, contract);
    try {
      return mean(
        rowLosses(component, await model.predict(table), targetOf(component, targetColumn(component, table))),
      );
    } finally {
      await model.dispose();
    }
  }

  return {
    name,
    search: searchOf,
    async train(parameters, at, goesOn) {
      let steps = STEPS;
      try {
        const { bytes } = await trainComponent({
          pipeline,
          team: teamOf(parameters),
          table: fit,
          upstream: {},
          engine,
          looks: {
            at,
            async look(step, model) {
              const on = goesOn(step, await loss(model, validation));
              if (!on) steps = step;
              return on;
            },
          },
        });
        const losses = { validation: await loss(bytes, validation), test: await loss(bytes, test), steps };
        return Number.isFinite(losses.validation) ? losses : null;
      } catch (thrown) {
        if (asUncoupleError(thrown).code !== "failed-precondition") throw thrown;
        return null;
      }
    },
  };
}
