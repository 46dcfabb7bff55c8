import { UncoupleError } from "../../common/errors.ts";
import type { LoadModel } from "../../composition/load-upstream.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import type { Inference } from "../../inference/inference.ts";
import type { TrialId } from "../../pipeline/study.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { TuningService } from "../../rpc/services/tuning-service.ts";
import { createAwaitSnapshots, type PinSettings } from "../runs/pin-snapshots.ts";
import { requestedTeam } from "../runs/run-request.ts";
import type { TrainingData } from "../runs/training-data.ts";
import { studyParameters } from "../tracking/study-fields.ts";
import { createStudyTracking, noStudyTracking, type StudyTrackingDeps } from "../tracking/study-tracking.ts";
import { createConfigureTrial } from "./configure-trial.ts";
import { createDriveStudy, type StudyPlan } from "./drive-study.ts";
import { createRunTrial, type RunTrialDeps } from "./run-trial.ts";
import { createStudyKeeper, type StudyKeeper } from "./study-keeper.ts";
import { createStudyStore } from "./study-store.ts";

export interface StudiesSettings extends PinSettings {
  readonly team: TeamConfig;
  /** Text of the trainer's own team file. */
  readonly teamText: string;
  /** Folder of the team file. */
  readonly teamFolder: string;
  /** State folder of the component. */
  readonly folder: string;
  readonly codeVersion: string;
  readonly checkpointSeconds: number;
  readonly retained: number;
}

export interface StudiesDeps extends Pick<RunTrialDeps, "training" | "engine" | "slots" | "clock" | "log" | "onEnd"> {
  readonly backplane: Pick<Backplane, "registry" | "retention" | "ledger">;
  readonly view: Pick<PipelineView, "history" | "catchUp" | "changed">;
  readonly gate: Pick<PipelineGate, "refusal">;
  readonly data: TrainingData;
  readonly load: LoadModel;
  readonly inference: Inference;
  /** Defaults to none. */
  readonly tracking: Pick<StudyTrackingDeps, "log" | "queue"> | undefined;
}

export interface Studies {
  readonly service: TuningService;
  readonly keeper: StudyKeeper;
  /** As `TrainerServiceDeps.teamOfTrial`. */
  teamOfTrial(trial: TrialId): TeamConfig;
}

/** Most trials of a study: each is a record that every watcher gets. */
const MAX_TRIALS = 10_000;
const MAX_PARALLEL = 1_024;

export function createStudies(settings: StudiesSettings, deps: StudiesDeps): Studies {
  const { pipeline, component, team, teamFolder } = settings;
  const { backplane, gate, clock, log } = deps;
  const store = createStudyStore(settings.folder, log);
  const configure = createConfigureTrial(team, pipeline, teamFolder);

  function plan(teamFile: string): StudyPlan {
    const parsed = requestedTeam(teamFile, team, pipeline, teamFolder);
    if (parsed.search !== undefined) return { team: parsed.team, search: parsed.search };
    throw new UncoupleError(
      "failed-precondition",
      `the team file of ${component} has no search; add one (see docs/tuning.md)`,
    );
  }

  const drive = createDriveStudy({
    ...settings,
    ...deps,
    registry: backplane.registry,
    retention: backplane.retention,
    awaitSnapshots: createAwaitSnapshots(settings, deps),
    runTrial: createRunTrial({ ...deps, ...settings, configure, store }),
  });
  const tracking =
    deps.tracking === undefined
      ? noStudyTracking
      : createStudyTracking({
          ...deps.tracking,
          pipeline: pipeline.name,
          component,
          codeVersion: settings.codeVersion,
          settings: (teamFile) => studyParameters(plan(teamFile)),
          clock,
        });
  const keeper = createStudyKeeper(settings, { store, drive, plan, check: configure, tracking, clock, log });

  function checkRequest(trials: number, parallel: number | undefined): void {
    const refusal = gate.refusal();
    if (refusal !== undefined) throw new UncoupleError("failed-precondition", refusal);
    if (trials > MAX_TRIALS) {
      throw new UncoupleError("invalid-argument", `trials must be at most ${MAX_TRIALS}, not ${trials}`);
    }
    if (parallel !== undefined && (parallel < 1 || parallel > MAX_PARALLEL)) {
      throw new UncoupleError("invalid-argument", `parallel must be from 1 to ${MAX_PARALLEL}, not ${parallel}`);
    }
  }

  const service: TuningService = {
    async startStudy({ trials, parallel = 1, teamFile = settings.teamText }) {
      checkRequest(trials, parallel);
      return keeper.begin({ teamFile, trials, parallel });
    },
    getStudy: async (id) => keeper.get(id),
    listStudies: async () => keeper.list(),
    watchStudy: (id, signal) => keeper.watch(id, signal),
    stopStudy: (id) => keeper.halt(id),
    async extendStudy(request) {
      checkRequest(request.trials, request.parallel);
      return keeper.extend(request);
    },
    runTrial: (id, parameters, signal) => keeper.runTrial(id, parameters, signal),
  };

  function teamOfTrial({ study: id, trial: number }: TrialId): TeamConfig {
    const { trials, teamFile } = keeper.get(id);
    const trial = trials[number - 1];
    if (trial === undefined) throw new UncoupleError("not-found", `study ${id} has no trial ${number}`);
    if (trial.state !== "complete" && trial.state !== "stopped") {
      const why = `trial ${number} of study ${id} is ${trial.state}`;
      throw new UncoupleError("failed-precondition", `${why}; only complete or stopped trials can be trained in full`);
    }
    const configured = configure(teamFile, trial.parameters);
    return trial.state === "stopped" ? { ...configured, stopAfter: trial.steps } : configured;
  }
  return { service, keeper, teamOfTrial };
}
