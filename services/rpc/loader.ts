import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type GrpcObject, loadPackageDefinition, logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { loadSync, type Options, type PackageDefinition } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";
import { UncoupleError } from "../common/errors.ts";
import type { ProtoGrpcType as EvaluatorTypes } from "./gen/evaluator.ts";
import type { ProtoGrpcType as TrainerTypes } from "./gen/trainer.ts";
import type { ProtoGrpcType as TuningTypes } from "./gen/tuning.ts";
import type { ProtoGrpcType as WorkerTypes } from "./gen/worker.ts";

/**
 * Options for messages in JavaScript. The types under gen/ are generated with the same options; with different ones they
 * would still compile, but receive wrong values.
 */
export const loaderOptions = { longs: String, enums: String, defaults: true, oneofs: true } as const satisfies Options;

export const protoFiles = [
  "uncouple/v1/trainer.proto",
  "uncouple/v1/evaluator.proto",
  "uncouple/v1/worker.proto",
  "uncouple/v1/tuning.proto",
] as const;

/** Finds the project's proto/ folder, from the sources or from dist. */
function protoRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const root = join(folder, "proto");
    if (existsSync(join(root, protoFiles[0]))) return root;
  }
  throw new UncoupleError("internal", `proto/ folder not found above ${import.meta.dirname}`);
}

export interface LoadedProtos {
  /** Our services and the standard health service, for server reflection. */
  readonly definition: PackageDefinition;
  readonly Trainer: TrainerTypes["uncouple"]["v1"]["Trainer"];
  readonly Evaluator: EvaluatorTypes["uncouple"]["v1"]["Evaluator"];
  readonly Coordinator: WorkerTypes["uncouple"]["v1"]["Coordinator"];
  readonly Tuning: TuningTypes["uncouple"]["v1"]["Tuning"];
}

let loaded: LoadedProtos | undefined;

/** Loads the .proto files once; they are immutable. */
export function loadProtos(): LoadedProtos {
  if (loaded === undefined) {
    // Callers receive as errors what gRPC would print to stderr.
    setLogVerbosity(logVerbosity.NONE);
    const definition = loadSync([...protoFiles], { ...loaderOptions, includeDirs: [protoRoot()] });
    const types: GrpcObject = loadPackageDefinition(definition);
    const { Trainer, Evaluator, Coordinator, Tuning } = (
      types as unknown as TrainerTypes & EvaluatorTypes & WorkerTypes & TuningTypes
    ).uncouple.v1;
    loaded = {
      definition: { ...definition, ...loadSync(healthProto, loaderOptions) },
      Trainer,
      Evaluator,
      Coordinator,
      Tuning,
    };
  }
  return loaded;
}
