import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type GrpcObject, loadPackageDefinition, logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { loadSync, type Options, type PackageDefinition } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";
import { UncoupleError } from "../common/errors.ts";
import type { ProtoGrpcType as EvaluatorTypes } from "./gen/evaluator.ts";
import type { ProtoGrpcType as TrainerTypes } from "./gen/trainer.ts";

/**
 * How messages look in JavaScript. The types under gen/ are generated with the same options: with others they would
 * still compile, and wrong values would arrive.
 */
export const loaderOptions = { longs: String, enums: String, defaults: true, oneofs: true } as const satisfies Options;

export const protoFiles = ["uncouple/v1/trainer.proto", "uncouple/v1/evaluator.proto"] as const;

/** The project's proto/ folder, from source and from dist alike. */
function protoRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const root = join(folder, "proto");
    if (existsSync(join(root, protoFiles[0]))) return root;
  }
  throw new UncoupleError("internal", `no proto/ folder above ${import.meta.dirname}`);
}

export interface LoadedProtos {
  /** For server reflection: our services and the standard health service. */
  readonly definition: PackageDefinition;
  readonly Trainer: TrainerTypes["uncouple"]["v1"]["Trainer"];
  readonly Evaluator: EvaluatorTypes["uncouple"]["v1"]["Evaluator"];
}

let loaded: LoadedProtos | undefined;

/** Reads the .proto files; they are immutable, and so are read once. */
export function loadProtos(): LoadedProtos {
  if (loaded === undefined) {
    // What gRPC would print to stderr reaches callers as errors.
    setLogVerbosity(logVerbosity.NONE);
    const definition = loadSync([...protoFiles], { ...loaderOptions, includeDirs: [protoRoot()] });
    const types: GrpcObject = loadPackageDefinition(definition);
    const { Trainer, Evaluator } = (types as unknown as TrainerTypes & EvaluatorTypes).uncouple.v1;
    loaded = { definition: { ...definition, ...loadSync(healthProto, loaderOptions) }, Trainer, Evaluator };
  }
  return loaded;
}
